#include <array>

#include <sys/resource.h>

#include "daemon/runtime/spec_parts.hpp"

namespace berth::runtime {

namespace {

struct RlimitName {
  const char* name;
  int number;
};
constexpr std::array<RlimitName, 16> kRlimits = {{{"RLIMIT_AS", RLIMIT_AS},
                                                  {"RLIMIT_CORE", RLIMIT_CORE},
                                                  {"RLIMIT_CPU", RLIMIT_CPU},
                                                  {"RLIMIT_DATA", RLIMIT_DATA},
                                                  {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                  {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                                  {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                  {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                                  {"RLIMIT_NICE", RLIMIT_NICE},
                                                  {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                  {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                  {"RLIMIT_RSS", RLIMIT_RSS},
                                                  {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                                  {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                                  {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                                  {"RLIMIT_STACK", RLIMIT_STACK}}};

Rlimit rlimit(const JsonField& field) {
  Rlimit limit;
  limit.name = field.at("type").text();
  const auto* const known =
      std::find_if(kRlimits.begin(), kRlimits.end(),
                   [&](const RlimitName& entry) { return limit.name == entry.name; });
  if (known == kRlimits.end()) {
    field.at("type").refuse("the name of a resource limit such as \"RLIMIT_NOFILE\"");
  }
  limit.resource = known->number;
  limit.soft = field.at("soft").number<std::uint64_t>();
  limit.hard = field.at("hard").number<std::uint64_t>();
  if (limit.soft > limit.hard) field.at("soft").refuse("at most the hard limit");
  return limit;
}

User user(const JsonField& field) {
  // (uid_t)-1 means "leave it" to the system calls: it must never get that far.
  static constexpr std::uint32_t kMost = 0xfffffffe;
  const auto id = [](const JsonField& number) { return number.number<std::uint32_t>(0, kMost); };
  User user;
  if (const auto uid = field.find("uid")) user.uid = id(*uid);
  if (const auto gid = field.find("gid")) user.gid = id(*gid);
  for (const JsonField& gid : field.items_or_none("additionalGids")) {
    user.additional_gids.push_back(id(gid));
  }
  if (const auto umask = field.find("umask")) user.umask = umask->number<std::uint32_t>(0, 0777);
  user.username = field.text_or("username", "");
  user.additional_groups = field.texts_or_none("additionalGroups");
  return user;
}

Capabilities capabilities(const JsonField& field) {
  const auto mask = [&](const char* key) { return capability_mask(field.texts_or_none(key)); };
  return {mask("bounding"), mask("effective"), mask("permitted"), mask("inheritable"),
          mask("ambient")};
}

}  // namespace

Process read_process(const JsonField& field) {
  Process process;
  process.terminal = field.boolean_or("terminal", false);
  if (const auto size = field.find("consoleSize")) {
    process.console_size = {size->at("height").number<std::uint16_t>(),
                            size->at("width").number<std::uint16_t>()};
  }
  if (const auto part = field.find("user")) process.user = user(*part);
  process.args = field.at("args").texts();
  if (process.args.empty()) field.at("args").refuse("an array with at least the program");
  process.env = field.texts_or_none("env");
  process.cwd = absolute_path(field.at("cwd"));
  if (const auto part = field.find("capabilities")) process.capabilities = capabilities(*part);
  for (const JsonField& item : field.items_or_none("rlimits")) {
    process.rlimits.push_back(rlimit(item));
  }
  process.no_new_privileges = field.boolean_or("noNewPrivileges", false);
  if (const auto score = field.find("oomScoreAdj")) {
    process.oom_score_adj = score->number<int>(-1000, 1000);
  }
  process.apparmor_profile = field.text_or("apparmorProfile", "");
  return process;
}

SessionDocument parse_session_document(std::string_view json) {
  const nlohmann::json document = parse_json(json, "the session document");
  const JsonField root(document, "");
  SessionDocument session;
  session.process = read_process(root.at("process"));
  session.memo = root.text_or("memo", "");
  return session;
}

}  // namespace berth::runtime
