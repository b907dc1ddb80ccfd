// Rows of named columns, printed as a table, as JSON lines or by a template.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::client {

struct Column {
  std::string field;   // the name in templates and JSON: "ID"
  std::string header;  // "CONTAINER ID"
};

using Row = std::vector<std::string>;  // one value a column

inline constexpr std::string_view kNull{"\0", 1};  // as a value: null in JSON

struct TableFormat {
  std::vector<Column> columns;     // all that templates may name
  std::vector<std::string> shown;  // fields of the plain table, in order
  std::string format;              // of --format: "", "table", "json" or a template
  std::string raw = {};            // the template that "raw" stands for
  std::string type = {};           // Go's name of a row's type, which people see in errors
  /// The value of one label of a row, for {{.Label "name"}}.
  std::function<std::string(std::size_t row, const std::string& name)> label = {};
  std::string error_prefix = "template parsing error: ";
};

/// Whether a --format names the field: it may be costly to find out.
bool format_uses(std::string_view format, std::string_view field);

/// The whole text: header and rows for "" and "table", "{...}" a line for "json", else one line a
/// row filled by the template; "table TEMPLATE" makes a table of the template's parts, separated by
/// \t. Throws Error{kInvalidArgument} for a template that cannot be used.
std::string format_rows(const TableFormat& format, const std::vector<Row>& rows);

/// Columns as wide as their widest cell and three blanks, but no narrower than `narrowest`; the
/// last is not padded.
std::string align_columns(const std::vector<std::vector<std::string>>& lines,
                          std::size_t narrowest = 10);

}  // namespace berth::client
