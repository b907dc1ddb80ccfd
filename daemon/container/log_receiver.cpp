#include "daemon/container/log_receiver.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <netdb.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"
#include "common/time.hpp"
#include "common/units.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/log_values.hpp"
#include "daemon/container/spec.hpp"

namespace berth::container {

namespace {

using Options = std::map<std::string, std::string>;

constexpr std::uint16_t kSyslogPort = 514;
constexpr std::uint16_t kFluentdPort = 24224;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

[[noreturn]] void refuse_unbuilt(const std::string& message) {
  throw Error(ErrorKind::kNotImplemented, message);
}

struct Parts {
  std::string scheme;
  std::string rest;
};

/// "scheme://rest"; without a scheme that is empty.
Parts split_address(const std::string& address) {
  const std::size_t end = address.find("://");
  if (end == std::string::npos) return {"", address};
  return {address.substr(0, end), address.substr(end + 3)};
}

/// "host", "host:port", "[v6]:port". A port of 0: there must be one.
void set_host(LogAddress& address, const std::string& text, std::uint16_t port) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  address.host = has_port ? text.substr(0, colon) : text;
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  const auto given = has_port ? parse_number<std::uint16_t>(text.substr(colon + 1)) : port;
  if (!given || *given == 0 || address.host.empty())
    refuse("invalid address of a log \"" + address.shown + "\": must be proto://host:port");
  address.port = *given;
}

void set_path(LogAddress& address, const std::string& path) {
  if (!path.starts_with('/'))
    refuse("invalid address of a log \"" + address.shown + "\": the path must be absolute");
  address.paths = {path};
}

// --- syslog --------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};

LogAddress syslog_address(const Options& options) {
  const std::string given = value_or(options, "syslog-address", "");
  // Where syslog(3) of other systems finds its daemon, too.
  if (given.empty())
    return {"unixgram", "", 0, {"/dev/log", "/var/run/syslog", "/var/run/log"}, "/dev/log"};
  const Parts parts = split_address(given);
  LogAddress address{parts.scheme, "", 0, {}, given};
  if (parts.scheme.empty())
    refuse("syslog-address should be in form proto://address, got " + given);
  if (parts.scheme == "tcp+tls") refuse_unbuilt("syslog-address: TLS is not built yet: use tcp");
  if (parts.scheme == "unix" || parts.scheme == "unixgram") {
    set_path(address, parts.rest);
  } else if (parts.scheme == "tcp" || parts.scheme == "udp") {
    set_host(address, parts.rest, kSyslogPort);
  } else {
    refuse("unsupported scheme of syslog-address: \"" + parts.scheme +
           "\": use tcp, udp, unix or unixgram");
  }
  return address;
}

int syslog_facility(const Options& options) {
  constexpr int kDaemon = 3;
  constexpr int kMost = 23;
  const std::string given = value_or(options, "syslog-facility", "");
  if (given.empty()) return kDaemon;
  const auto found = std::find(kFacilities.begin(), kFacilities.end(), given);
  if (found != kFacilities.end()) return static_cast<int>(found - kFacilities.begin());
  const auto number = parse_number<int>(given);
  if (!number || *number < 0 || *number > kMost) refuse("invalid syslog facility");
  return *number;
}

void check_syslog(const Options& options) {
  (void)syslog_address(options);
  (void)syslog_facility(options);
  const std::string format = value_or(options, "syslog-format", "");
  constexpr std::array<std::string_view, 4> kFormats = {"", "rfc3164", "rfc5424", "rfc5424micro"};
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
    refuse("Invalid syslog format");
}

// --- gelf ----------------------------------------------------------------------------------------

LogAddress gelf_address(const Options& options) {
  const std::string given = value_or(options, "gelf-address", "");
  if (given.empty()) refuse("gelf-address is a required parameter");
  const Parts parts = split_address(given);
  if (parts.scheme.empty()) refuse("gelf-address should be in form proto://address, got " + given);
  if (parts.scheme != "udp" && parts.scheme != "tcp")
    refuse("gelf: endpoint needs to be TCP or UDP");
  if (parts.rest.find(':') == std::string::npos)
    refuse("gelf: please provide gelf-address as proto://host:port");
  LogAddress address{parts.scheme, "", 0, {}, given};
  set_host(address, parts.rest, 0);
  return address;
}

void check_gelf(const Options& options) {
  constexpr int kBestLevel = 9;
  const bool tcp = gelf_address(options).network == "tcp";
  for (const char* const name : {"gelf-compression-level", "gelf-compression-type"}) {
    if (tcp && options.contains(name)) refuse("compression is only supported on UDP");
  }
  for (const char* const name : {"gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"}) {
    const std::string* value = find_value(options, name);
    if (value == nullptr) continue;
    if (!tcp) refuse(std::string(name) + " is only valid for TCP");
    if (whole_number(name, *value) < 0) refuse(std::string(name) + " must be a positive integer");
  }
  if (const std::string* level = find_value(options, "gelf-compression-level")) {
    const int number = whole_number("gelf-compression-level", *level);
    if (number < -1 || number > kBestLevel)
      refuse("unknown value \"" + *level +
             "\" for log opt \"gelf-compression-level\" for gelf log driver");
  }
  const std::string type = value_or(options, "gelf-compression-type", "gzip");
  if (type != "gzip" && type != "zlib" && type != "none")
    refuse("unknown value \"" + type +
           "\" for log opt \"gelf-compression-type\" for gelf log driver");
}

// --- fluentd -------------------------------------------------------------------------------------

LogAddress fluentd_address(const Options& options) {
  const std::string given = value_or(options, "fluentd-address", "");
  if (given.empty()) return {"tcp", "127.0.0.1", kFluentdPort, {}, "tcp://127.0.0.1:24224"};
  const Parts parts = split_address(given);
  LogAddress address{parts.scheme.empty() ? "tcp" : parts.scheme, "", 0, {}, given};
  if (parts.scheme == "tls") refuse_unbuilt("fluentd-address: TLS is not built yet: use tcp");
  if (parts.scheme == "unix") {
    set_path(address, parts.rest);
  } else if (address.network == "tcp") {
    set_host(address, parts.rest, kFluentdPort);
  } else {
    refuse("unsupported scheme: '" + parts.scheme + "'");
  }
  return address;
}

std::chrono::milliseconds duration_option(const Options& options, const char* name,
                                          std::chrono::milliseconds otherwise) {
  const std::string* text = find_value(options, name);
  if (text == nullptr || text->empty()) return otherwise;
  return std::chrono::duration_cast<std::chrono::milliseconds>(parse_duration(*text));
}

void check_fluentd(const Options& options) {
  (void)fluentd_address(options);
  for (const char* const name : {"fluentd-async", "fluentd-async-connect",
                                 "fluentd-sub-second-precision", "fluentd-request-ack"}) {
    if (const std::string* value = find_value(options, name)) (void)truth(name, *value);
  }
  if (options.contains("fluentd-async") && options.contains("fluentd-async-connect"))
    refuse("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'");
  if (const std::string* ack = find_value(options, "fluentd-request-ack");
      ack != nullptr && truth("fluentd-request-ack", *ack)) {
    refuse_unbuilt("fluentd-request-ack: acknowledgements are not built yet");
  }
  if (const std::string* size = find_value(options, "fluentd-buffer-limit"))
    (void)parse_memory_size(*size);
  if (const std::string* most = find_value(options, "fluentd-max-retries"))
    (void)whole_number("fluentd-max-retries", *most);
  for (const char* const name : {"fluentd-retry-wait", "fluentd-async-reconnect-interval",
                                 "fluentd-read-timeout", "fluentd-write-timeout"}) {
    (void)duration_option(options, name, {});
  }
}

// --- what the shim is told -----------------------------------------------------------------------

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// Of labels and variables alone.
Options extra_attributes(const Definition& definition, const std::string& name) {
  Options extra = log_attributes(definition, name);
  extra.erase("tag");
  return extra;
}

/// What systemd takes for a field's name: capitals, digits and "_", not at the front.
std::string journal_name(const std::string& name) {
  std::string result;
  for (const char given : name) {
    const bool small = given >= 'a' && given <= 'z';
    const char each = small ? static_cast<char>(given - 'a' + 'A') : given;
    const bool plain = (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9');
    if (plain || !result.empty()) result.push_back(plain ? each : '_');
  }
  return result;
}

Options gelf_fields(const Definition& definition, const std::string& name) {
  Options fields{{"_container_id", definition.id.str()},
                 {"_container_name", name},
                 {"_image_id", definition.image_id},
                 {"_image_name", definition.config.image},
                 {"_command", join(process_arguments(definition.config), " ")},
                 {"_tag", log_tag(definition, name)},
                 {"_created", format_rfc3339(definition.created)}};
  for (const auto& [key, value] : extra_attributes(definition, name))
    fields["_" + key] = value;
  return fields;
}

Options journald_fields(const Definition& definition, const std::string& name) {
  Options fields{{"CONTAINER_ID", std::string(short_id(definition.id.str()))},
                 {"CONTAINER_ID_FULL", definition.id.str()},
                 {"CONTAINER_NAME", name},
                 {"CONTAINER_TAG", log_tag(definition, name)},
                 {"SYSLOG_IDENTIFIER", log_tag(definition, name)},
                 {"IMAGE_NAME", definition.config.image}};
  for (const auto& [key, value] : extra_attributes(definition, name)) {
    if (const std::string field = journal_name(key); !field.empty()) fields[field] = value;
  }
  return fields;
}

Options fluentd_fields(const Definition& definition, const std::string& name) {
  Options fields = extra_attributes(definition, name);
  fields["container_id"] = definition.id.str();
  fields["container_name"] = "/" + name;
  return fields;
}

Options format_options(const Definition& definition, const std::string& name) {
  const api::LogConfig& config = definition.host_config.log_config;
  const Options& options = config.config;
  if (config.type == "syslog") {
    return {{"format", value_or(options, "syslog-format", "")},
            {"facility", std::to_string(syslog_facility(options))},
            {"tag", log_tag(definition, name)},
            {"hostname", host_name()}};
  }
  if (config.type == "gelf") {
    const auto delay = std::chrono::seconds(whole_number(
        "gelf-tcp-reconnect-delay", value_or(options, "gelf-tcp-reconnect-delay", "1")));
    return {{"host", host_name()},
            {"compression", value_or(options, "gelf-compression-type", "gzip")},
            {"level", value_or(options, "gelf-compression-level", "1")},
            {"most_retries", value_or(options, "gelf-tcp-max-reconnect", "3")},
            {"retry_wait_ms", std::to_string(std::chrono::milliseconds(delay).count())}};
  }
  if (config.type != "fluentd") return {};
  const char* const async =
      options.contains("fluentd-async") ? "fluentd-async" : "fluentd-async-connect";
  const auto yes = [&](const char* option) {
    return truth(option, value_or(options, option, "false")) ? "true" : "false";
  };
  Options result{
      {"tag", log_tag(definition, name)},
      {"sub_second", yes("fluentd-sub-second-precision")},
      {"connect_later", yes(async)},
      {"retry_wait_ms",
       std::to_string(
           duration_option(options, "fluentd-retry-wait", std::chrono::seconds(1)).count())}};
  if (const std::string* most = find_value(options, "fluentd-max-retries"))
    result["most_retries"] = *most;
  return result;
}

std::int64_t buffer_size(const Options& options) {
  constexpr std::int64_t kDefault = std::int64_t{1} << 20U;
  for (const char* const name : {"max-buffer-size", "fluentd-buffer-limit"}) {
    const std::string* size = find_value(options, name);
    if (size != nullptr) return std::max<std::int64_t>(parse_memory_size(*size), 1);
  }
  return kDefault;
}

}  // namespace

bool is_sending_driver(std::string_view driver) {
  return driver == "syslog" || driver == "gelf" || driver == "fluentd" || driver == "journald";
}

void check_log_receiver(const api::LogConfig& config) {
  if (config.type == "syslog") check_syslog(config.config);
  if (config.type == "gelf") check_gelf(config.config);
  if (config.type == "fluentd") check_fluentd(config.config);
}

LogAddress log_address(const api::LogConfig& config) {
  if (config.type == "syslog") return syslog_address(config.config);
  if (config.type == "gelf") return gelf_address(config.config);
  if (config.type == "fluentd") return fluentd_address(config.config);
  constexpr const char* kSocket = "/run/systemd/journal/socket";
  return {"unixgram", "", 0, {kSocket}, std::string("journald (") + kSocket + ")"};
}

std::vector<std::string> resolve(const LogAddress& address) {
  if (!address.paths.empty()) return address.paths;
  addrinfo hints{};
  hints.ai_socktype = address.network == "tcp" ? SOCK_STREAM : SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int result = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  if (result != 0) {
    refuse("failed to initialize logging driver: lookup " + address.host + ": " +
           ::gai_strerror(result));
  }
  std::vector<std::string> found;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
      continue;
    const std::string host = text.data();
    found.push_back((each->ai_family == AF_INET6 ? "[" + host + "]" : host) + ":" +
                    std::to_string(address.port));
  }
  return found;
}

nlohmann::json receiver_document(const Definition& definition, const std::string& name,
                                 const std::vector<std::string>& addresses) {
  const api::LogConfig& config = definition.host_config.log_config;
  const LogAddress address = log_address(config);
  Options fields;
  if (config.type == "gelf") fields = gelf_fields(definition, name);
  if (config.type == "fluentd") fields = fluentd_fields(definition, name);
  if (config.type == "journald") fields = journald_fields(definition, name);
  return {{"network", address.network},
          {"addresses", addresses},
          {"shown", address.shown},
          {"blocking", value_or(config.config, "mode", "blocking") != "non-blocking"},
          {"buffer", buffer_size(config.config)},
          {"options", format_options(definition, name)},
          {"fields", fields}};
}

}  // namespace berth::container
