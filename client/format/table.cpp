#include "client/format/table.hpp"

#include <algorithm>

#include "api/text_writer.hpp"
#include "client/format/template.hpp"
#include "client/format/text.hpp"
#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

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

std::string json_line(const TableFormat& format, const Row& row) {
  api::TextWriter out;
  for (std::size_t index = 0; index < row.size(); ++index) {
    out.raw(index == 0 ? '{' : ',');
    out.string(format.columns[index].field);
    out.raw(':');
    out.string(row[index]);
  }
  out.raw("}\n");
  return out.take();
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

std::string fill(const TableFormat& format, const Template& text, const Row& values) {
  return text.fill([&](const std::vector<std::string>& path, bool as_json) {
    if (path.size() != 1) index_of(format, join(path, "."));  // rows have no deeper fields
    const std::string& value = values[index_of(format, path.front())];
    if (!as_json) return value;
    api::TextWriter out;
    out.string(value);
    return out.take();
  });
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

std::string format_rows(const TableFormat& format, const std::vector<Row>& rows) {
  constexpr std::string_view kTable = "table";
  if (format.format.empty() || format.format == kTable) return plain_table(format, rows);
  std::string text;
  if (format.format == "json") {
    for (const Row& row : rows)
      text += json_line(format, row);
    return text;
  }
  if (format.format.starts_with("table ")) {
    const Template parsed(format.format.substr(kTable.size() + 1));
    Row headers;
    for (const Column& column : format.columns)
      headers.push_back(column.header);
    std::vector<std::vector<std::string>> lines{cells(fill(format, parsed, headers))};
    for (const Row& row : rows)
      lines.push_back(cells(fill(format, parsed, row)));
    return align_columns(lines);
  }
  const Template parsed(format.format);
  for (const Row& row : rows)
    text += fill(format, parsed, row) + "\n";
  return text;
}

}  // namespace berth::client
