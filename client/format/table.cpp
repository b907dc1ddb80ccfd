#include "client/format/table.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "client/format/template.hpp"
#include "client/format/template_functions.hpp"
#include "client/format/text.hpp"
#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kGap = 3;

std::size_t index_of(const TableFormat& format, std::string_view field) {
  const auto found = std::find_if(format.columns.begin(), format.columns.end(),
                                  [&](const Column& each) { return each.field == field; });
  if (found == format.columns.end()) {
    throw Error(ErrorKind::kInvalidArgument,
                "the template names the unknown field \"." + std::string(field) + "\"");
  }
  return static_cast<std::size_t>(found - format.columns.begin());
}

Json object_of(const TableFormat& format, const Row& row) {
  // As Go writes maps: sorted by name.
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  for (std::size_t index = 0; index < row.size(); ++index)
    fields.emplace_back(format.columns[index].field, row[index]);
  std::sort(fields.begin(), fields.end());
  Json object = Json::object();
  for (const auto& [field, value] : fields)
    object[std::string(field)] = value == kNull ? Json() : Json(value);
  return object;
}

std::string json_line(const TableFormat& format, const Row& row) {
  const Json object = object_of(format, row);
  return escape_json_html(object.dump(-1, ' ', false, Json::error_handler_t::replace)) + "\n";
}

std::string plain_table(const TableFormat& format, const std::vector<Row>& rows) {
  std::vector<std::size_t> indexes;
  std::vector<std::vector<std::string>> lines(1);
  for (const std::string& field : format.shown) {
    indexes.push_back(index_of(format, field));
    lines.front().push_back(format.columns[indexes.back()].header);
  }
  for (const Row& row : rows) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const std::size_t index : indexes)
      line.push_back(row[index]);
  }
  return align_columns(lines);
}

std::string label_of(const std::vector<Json>& arguments,
                     const std::function<std::string(const std::string&)>& find) {
  if (arguments.size() != 1) {
    throw Error(ErrorKind::kInvalidArgument,
                "wrong number of args for Label: want 1 got " + std::to_string(arguments.size()));
  }
  return find(show_value(arguments.front()));
}

/// "com.example.my-app" as a header: "my app".
std::string label_header(const std::string& name) {
  std::string header = name.substr(name.rfind('.') + 1);
  for (char& c : header) {
    if (c == '-' || c == '_') c = ' ';
  }
  return header;
}

std::string fill_header(const TableFormat& format, const Template& text) {
  Row headers;
  for (const Column& column : format.columns)
    headers.push_back(column.header);
  Template::Subject subject{object_of(format, headers), format.type};
  if (format.label) {
    subject.method = [](const std::string& name,
                        const std::vector<Json>& arguments) -> std::optional<std::string> {
      if (name != "Label") return std::nullopt;
      return label_of(arguments, label_header);
    };
  }
  return text.fill(subject);
}

std::string fill_row(const TableFormat& format, const Template& text, const std::vector<Row>& rows,
                     std::size_t index) {
  Template::Subject subject{object_of(format, rows[index]), format.type};
  if (format.label) {
    subject.method = [&](const std::string& name,
                         const std::vector<Json>& arguments) -> std::optional<std::string> {
      if (name != "Label") return std::nullopt;
      return label_of(arguments, [&](const std::string& key) { return format.label(index, key); });
    };
  }
  return text.fill(subject);
}

/// "\\t" and "\\n" written as two characters count as the one they mean.
std::string unescape(std::string_view text) {
  std::string result;
  bool in_action = false;  // strings there have escapes of their own
  for (std::size_t index = 0; index < text.size(); ++index) {
    const std::string_view pair = text.substr(index, 2);
    if (pair == "{{") in_action = true;
    if (pair == "}}") in_action = false;
    if (!in_action && (pair == "\\t" || pair == "\\n")) {
      result += pair == "\\t" ? '\t' : '\n';
      ++index;
    } else {
      result += text[index];
    }
  }
  return result;
}

Template parse(std::string_view text) {
  try {
    return Template(unescape(text));
  } catch (const Error& error) {
    throw Error(error.kind(), std::string("template parsing error: ") + error.what());
  }
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> result;
  for (const std::string_view cell : split(line, '\t'))
    result.emplace_back(cell);
  return result;
}

}  // namespace

std::string align_columns(const std::vector<std::vector<std::string>>& lines,
                          std::size_t narrowest) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()), narrowest);
    for (std::size_t index = 0; index < line.size(); ++index) {
      widths[index] = std::max(widths[index], character_count(line[index]) + kGap);
    }
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t index = 0; index < line.size(); ++index) {
      text += line[index];
      if (index + 1 < line.size()) {
        text.append(widths[index] - character_count(line[index]), ' ');
      }
    }
    text += '\n';
  }
  return text;
}

bool format_uses(std::string_view format, std::string_view field) {
  if (format.starts_with("table ")) format.remove_prefix(format.find(' '));
  if (format.find("{{") == format.npos) return false;
  try {
    return Template(unescape(format)).uses(field);
  } catch (const Error& error) {
    throw Error(error.kind(), std::string("failed to parse template: ") + error.what());
  }
}

std::string format_rows(const TableFormat& format, const std::vector<Row>& rows) {
  constexpr std::string_view kTable = "table";
  if (format.format.empty() || format.format == kTable) return plain_table(format, rows);
  std::string text;
  if (format.format == "json") {
    for (const Row& row : rows)
      text += json_line(format, row);
    return text;
  }
  const bool table = format.format.starts_with("table ");
  const bool raw = format.format == "raw" && !format.raw.empty();
  const Template parsed =
      parse(table ? format.format.substr(kTable.size() + 1) : (raw ? format.raw : format.format));
  try {
    std::vector<std::vector<std::string>> lines;
    if (table) lines.push_back(cells(fill_header(format, parsed)));
    for (std::size_t index = 0; index < rows.size(); ++index) {
      const std::string filled = fill_row(format, parsed, rows, index);
      if (table) {
        lines.push_back(cells(filled));
      } else {
        text += filled + "\n";
      }
    }
    return table ? align_columns(lines) : text;
  } catch (const Error& error) {
    throw Error(error.kind(), format.error_prefix + error.what());
  }
}

}  // namespace berth::client
