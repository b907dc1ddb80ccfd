#include "daemon/runtime/spec.hpp"

#include <set>

#include "daemon/runtime/json_field.hpp"
#include "daemon/runtime/spec_parts.hpp"

namespace berth::runtime {

namespace {

Mount mount(const JsonField& field) {
  Mount mount;
  mount.destination = absolute_path(field.at("destination"));
  mount.type = field.text_or("type", "");
  mount.source = field.text_or("source", "");
  mount.options = field.texts_or_none("options");
  if (const auto name = field.find("sourceNamespace"))
    mount.source_namespace = absolute_path(*name);
  return mount;
}

std::string host_name(const JsonField& spec, const char* key) {
  static constexpr std::size_t kMost = 64;  // __NEW_UTS_LEN
  std::string name = spec.text_or(key, "");
  if (name.size() > kMost) spec.at(key).refuse("at most 64 bytes long");
  return name;
}

Rootfs rootfs(const JsonField& field) {
  Rootfs rootfs;
  const std::string type = field.at("type").text();
  if (type == "bind") {
    rootfs.kind = Rootfs::Kind::kBind;
    rootfs.path = absolute_path(field.at("path"));
    return rootfs;
  }
  if (type != "overlay") field.at("type").refuse("\"overlay\" or \"bind\"");
  rootfs.kind = Rootfs::Kind::kOverlay;
  for (const JsonField& item : field.at("lower").items()) {
    rootfs.lower.push_back(absolute_path(item));
  }
  if (rootfs.lower.empty()) field.at("lower").refuse("an array with at least one directory");
  rootfs.upper = absolute_path(field.at("upper"));
  rootfs.work = absolute_path(field.at("work"));
  return rootfs;
}

LogReceiver log_receiver(const JsonField& field) {
  LogReceiver receiver;
  receiver.network = field.at("network").text();
  static const std::set<std::string_view> kNetworks = {"tcp", "udp", "unix", "unixgram"};
  if (!kNetworks.contains(receiver.network))
    field.at("network").refuse("\"tcp\", \"udp\", \"unix\" or \"unixgram\"");
  receiver.addresses = field.at("addresses").texts();
  if (receiver.addresses.empty())
    field.at("addresses").refuse("an array with at least one address");
  receiver.shown = field.at("shown").text();
  receiver.blocking = field.boolean_or("blocking", true);
  receiver.buffer = field.at("buffer").number<std::int64_t>(1);
  if (const auto options = field.find("options")) receiver.options = options->text_map();
  if (const auto fields = field.find("fields")) receiver.fields = fields->text_map();
  return receiver;
}

LogSettings log_settings(const JsonField& field) {
  LogSettings log;
  log.driver = field.text_or("driver", "json-file");
  static const std::set<std::string_view> kFileDrivers = {"json-file", "local"};
  static const std::set<std::string_view> kSenders = {"syslog", "journald", "fluentd", "gelf"};
  const bool is_file = kFileDrivers.contains(log.driver);
  const bool is_sender = kSenders.contains(log.driver);
  if (!is_file && !is_sender && log.driver != "none") field.at("driver").refuse("a log driver");
  log.file = field.text_or("file", "");
  const bool is_inside = !log.file.starts_with('/') && log.file.find("..") == std::string::npos;
  if ((is_file && log.file.empty()) || !is_inside)
    field.at("file").refuse("the name of a file in the container's directory");
  log.max_size = field.number_or<std::int64_t>("max_size", -1);
  if (const auto count = field.find("max_file")) log.max_file = count->number<int>(0);
  log.compress = field.boolean_or("compress", false);
  if (const auto attrs = field.find("attrs")) log.attrs = attrs->text_map();
  if (is_sender) log.receiver = log_receiver(field.at("receiver"));
  return log;
}

ForwardSettings forward(const JsonField& field) {
  ForwardSettings settings;
  settings.fd_index = field.at("fd").number<int>(0);
  settings.protocol = field.at("proto").text();
  if (settings.protocol != "tcp" && settings.protocol != "udp") {
    field.at("proto").refuse("\"tcp\" or \"udp\"");
  }
  settings.container_ip = field.at("container_ip").text();
  settings.container_port = field.at("container_port").number<std::uint16_t>(1);
  return settings;
}

OciRuntimeSettings oci_runtime(const JsonField& field) {
  OciRuntimeSettings settings;
  settings.name = field.at("name").text();
  settings.path = field.at("path").text();
  settings.args = field.texts_or_none("args");
  settings.root = absolute_path(field.at("root"));
  return settings;
}

RestoreSettings restore_settings(const JsonField& field) {
  RestoreSettings settings;
  settings.program = absolute_path(field.at("program"));
  settings.images = absolute_path(field.at("images"));
  settings.streams = field.texts_or_none("streams");
  settings.masked_files = field.texts_or_none("masked_files");
  return settings;
}

}  // namespace

std::string absolute_path(const JsonField& field) {
  std::string path = field.text();
  if (!path.starts_with('/')) field.refuse("an absolute path");
  if (path.size() >= 4096) field.refuse("a path of less than 4096 bytes");
  return path;
}

Spec read_spec(const JsonField& field) {
  Spec spec;
  spec.process = read_process(field.at("process"));
  if (const auto root = field.find("root"))
    spec.readonly_root = root->boolean_or("readonly", false);
  for (const JsonField& item : field.items_or_none("mounts"))
    spec.mounts.push_back(mount(item));
  spec.hostname = host_name(field, "hostname");
  spec.domainname = host_name(field, "domainname");
  read_linux(field.at("linux"), spec);
  const bool named = !spec.hostname.empty() || !spec.domainname.empty();
  if (named && !spec.has_new_namespace(NamespaceKind::kUts)) {
    throw Error(
        ErrorKind::kInvalidArgument,
        "\"hostname\" and \"domainname\" need a new \"uts\" namespace: they would change the "
        "host");
  }
  check_sysctls(spec);
  return spec;
}

Spec parse_spec(std::string_view json) {
  const nlohmann::json document = parse_json(json, "the specification");
  return read_spec(JsonField(document, ""));
}

LaunchDocument parse_launch_document(std::string_view json) {
  static constexpr int kVersion = 1;
  const nlohmann::json parsed = parse_json(json, "the launch document");
  const JsonField field(parsed, "");
  if (const auto version = field.at("version"); version.number<int>() != kVersion) {
    version.refuse("1: this shim knows no other version");
  }
  LaunchDocument document;
  document.id = field.at("id").text();
  document.oci = read_spec(JsonField(field.at("oci")));
  document.rootfs = rootfs(field.at("rootfs"));
  if (const auto stdio = field.find("stdio")) {
    document.open_stdin = stdio->boolean_or("open_stdin", false);
    document.stdin_once = stdio->boolean_or("stdin_once", false);
  }
  if (const auto log = field.find("log")) document.log = log_settings(*log);
  for (const JsonField& item : field.items_or_none("forward")) {
    document.forward.push_back(forward(item));
  }
  if (const auto runtime = field.find("runtime")) document.runtime = oci_runtime(*runtime);
  if (const auto restore = field.find("restore")) document.restore = restore_settings(*restore);
  return document;
}

}  // namespace berth::runtime
