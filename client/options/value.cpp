#include "client/options/value.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "common/file.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// The lines of a file that are neither empty nor comments.
std::vector<std::string> read_lines(const std::string& path) {
  const std::string text = read_file(path);
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> lines;
  for (std::string_view line : split(rest, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    lines.emplace_back(line.substr(begin));
  }
  return lines;
}

void check_name(std::string_view what, std::string_view line) {
  const std::string_view name = line.substr(0, line.find('='));
  if (name.empty()) throw invalid_value(what, line, "NAME=VALUE");
  if (name.find_first_of(" \t") != std::string_view::npos) {
    throw invalid_value(what, line, "a name without blanks");
  }
}

/// Whether a name that the client itself does not have is kept: it then takes the image's variable
/// away.
enum class Unset { kDrop, kKeep };

void add_variable(const std::string& text, Unset unset, std::vector<std::string>& environment) {
  if (text.empty() || text.front() == '=') {
    throw invalid_value("environment variable", text, "NAME=VALUE or NAME");
  }
  const bool has_value = text.find('=') != std::string::npos;
  const char* const own = has_value ? nullptr : std::getenv(text.c_str());  // NOLINT(*-mt-unsafe)
  if (own != nullptr) {
    environment.push_back(text + "=" + own);
  } else if (has_value || unset == Unset::kKeep) {
    environment.push_back(text);
  }
}

}  // namespace

Error invalid_value(std::string_view what, std::string_view value, std::string_view wanted) {
  return Error(ErrorKind::kInvalidArgument, "invalid " + std::string(what) + " \"" +
                                                std::string(value) + "\": expected " +
                                                std::string(wanted));
}

api::StringMap parse_pairs(const std::vector<std::string>& values, std::string_view flag) {
  api::StringMap result;
  for (const std::string& text : values) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || text.empty()) throw invalid_value(flag, text, "KEY=VALUE");
    result[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return result;
}

std::vector<std::string> parse_csv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t index = 0; index < line.size(); ++index) {
    const char character = line[index];
    if (character == '"' && quoted && line.substr(index + 1).starts_with('"')) {
      fields.back() += '"';
      ++index;
    } else if (character == '"') {
      quoted = !quoted;
    } else if (character == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += character;
    }
  }
  if (quoted) throw invalid_value("list", line, "each quote to be closed");
  return fields;
}

KeyValue parse_key_value(std::string_view text) {
  const std::size_t equals = text.find('=');
  KeyValue result;
  result.key = to_lower(trim(text.substr(0, equals)));
  result.has_value = equals != std::string_view::npos;
  if (result.has_value) result.value = text.substr(equals + 1);
  return result;
}

bool parse_bool(std::string_view what, std::string_view text) {
  const std::string lower = to_lower(text);
  if (lower == "true" || lower == "1" || lower == "t") return true;
  if (lower == "false" || lower == "0" || lower == "f") return false;
  throw invalid_value(what, text, "true or false");
}

std::int64_t parse_integer(std::string_view what, std::string_view text) {
  const auto value = parse_number<std::int64_t>(text);
  if (!value) throw invalid_value(what, text, "a whole number");
  return *value;
}

std::int64_t parse_nanoseconds(std::string_view what, std::string_view text) {
  try {
    return parse_duration(text).count();
  } catch (const Error&) {
    throw invalid_value(what, text, "a duration such as 30s or 1m30s");
  }
}

std::int64_t parse_cpus(std::string_view text) {
  constexpr std::size_t kDigits = 9;
  constexpr std::int64_t kNano = 1'000'000'000;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  const bool precise = fraction.size() <= kDigits;
  fraction.resize(kDigits, '0');
  const auto units = whole.empty() ? 0 : parse_number<std::int64_t>(whole).value_or(-1);
  const auto rest = parse_number<std::int64_t>(fraction);
  const bool digits_alone = fraction.find_first_not_of("0123456789") == std::string::npos;
  if (!precise || !digits_alone || !rest || units < 0 || units > INT64_MAX / kNano - 1 ||
      text.empty() || text == ".") {
    throw invalid_value("number of cpus", text, "a decimal number such as 1.5");
  }
  return units * kNano + *rest;
}

std::vector<std::string> read_environment(const std::vector<std::string>& files,
                                          const std::vector<std::string>& values) {
  std::vector<std::string> environment;
  for (const std::string& file : files) {
    for (const std::string& line : read_lines(file)) {
      check_name("line of the environment file " + file, line);
      add_variable(line, Unset::kDrop, environment);
    }
  }
  for (const std::string& value : values)
    add_variable(value, Unset::kKeep, environment);
  return environment;
}

api::StringMap read_labels(const std::vector<std::string>& files,
                           const std::vector<std::string>& values) {
  std::vector<std::string> lines;
  for (const std::string& file : files) {
    for (std::string& line : read_lines(file)) {
      check_name("line of the label file " + file, line);
      lines.push_back(std::move(line));
    }
  }
  lines.insert(lines.end(), values.begin(), values.end());
  return parse_pairs(lines, "label");
}

std::string absolute_if_dotted(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/'));
  if (first != "." && first != "..") return std::string(path);
  try {
    std::string absolute = std::filesystem::absolute(path).lexically_normal();
    if (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
    return absolute;
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(ErrorKind::kInternal, "cannot find the current directory", error.code().value());
  }
}

}  // namespace berth::client
