// What registries tell: GET /distribution/{name}/json and GET /images/search.
#pragma once

#include "api/descriptor.hpp"
#include "api/field.hpp"

namespace berth::api {

struct DistributionInspect {
  OciDescriptor descriptor;
  std::vector<OciPlatform> platforms;

  static constexpr auto fields() {
    using D = DistributionInspect;
    return std::tuple{field("Descriptor", &D::descriptor),
                      field("Platforms", &D::platforms, Rule::kEmptyCollection)};
  }
  bool operator==(const DistributionInspect&) const = default;
};

struct SearchResult {
  int star_count = 0;
  bool is_official = false;
  std::string name;
  bool is_automated = false;
  std::string description;

  static constexpr auto fields() {
    using S = SearchResult;
    return std::tuple{field("star_count", &S::star_count), field("is_official", &S::is_official),
                      field("name", &S::name), field("is_automated", &S::is_automated),
                      field("description", &S::description)};
  }
  bool operator==(const SearchResult&) const = default;
};

/// The answer of a registry's search service.
struct SearchAnswer {
  std::vector<SearchResult> results;

  static constexpr auto fields() { return std::tuple{field("results", &SearchAnswer::results)}; }
  bool operator==(const SearchAnswer&) const = default;
};

}  // namespace berth::api
