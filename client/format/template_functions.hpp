// The functions of Go's templates, with those that Docker's client adds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace berth::client {

bool is_template_function(std::string_view name);

/// Throws Error{kInvalidArgument}: what is wrong with the arguments.
nlohmann::ordered_json call_template_function(const std::string& name,
                                              const std::vector<nlohmann::ordered_json>& arguments);

/// As Go prints values: strings bare, lists as [a b], maps as map[k:v].
std::string show_value(const nlohmann::ordered_json& value);

/// What counts as true for {{if}}.
bool is_truth(const nlohmann::ordered_json& value);

/// JSON in which "<", ">" and "&" are escaped, as rows of lists have it.
std::string escape_json_html(const std::string& json);

/// Go's name for the type of a value: "string", "int", …
std::string type_of(const nlohmann::ordered_json& value);

/// Go's fmt.Sprintf.
std::string print_formatted(const std::string& format,
                            const std::vector<nlohmann::ordered_json>& arguments);

}  // namespace berth::client
