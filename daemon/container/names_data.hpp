// The words that names are made of; data only.
#pragma once

#include <array>
#include <string_view>

namespace berth::container {

inline constexpr std::array<std::string_view, 64> kAdjectives = {
    "able",    "agile",  "amber",   "bold",    "brave",    "breezy",  "bright",  "brisk",
    "calm",    "candid", "clever",  "coastal", "crisp",    "daring",  "deep",    "eager",
    "early",   "easy",   "elegant", "fair",    "fearless", "festive", "fleet",   "fresh",
    "gallant", "gentle", "glad",    "golden",  "grand",    "handy",   "happy",   "hardy",
    "honest",  "humble", "jolly",   "keen",    "kind",     "lively",  "lucid",   "lucky",
    "merry",   "mild",   "modest",  "neat",    "nimble",   "noble",   "patient", "placid",
    "proud",   "quick",  "quiet",   "ready",   "salty",    "serene",  "silver",  "snug",
    "solid",   "steady", "sunny",   "swift",   "tidal",    "trusty",  "vivid",   "wise"};

inline constexpr std::array<std::string_view, 64> kSeaWords = {
    "albatross", "anchor",   "anemone",   "beacon",   "bollard",  "bowsprit",   "breaker",
    "buoy",      "canoe",    "capstan",   "catboat",  "clipper",  "compass",    "coral",
    "cormorant", "corvette", "current",   "cutter",   "dolphin",  "dory",       "estuary",
    "ferry",     "fjord",    "frigate",   "galleon",  "gannet",   "harbour",    "heron",
    "jetty",     "kayak",    "keel",      "ketch",    "lagoon",   "lighthouse", "lobster",
    "lugger",    "mainsail", "manatee",   "mariner",  "marlin",   "mooring",    "narwhal",
    "oyster",    "pelican",  "petrel",    "pilot",    "pinnace",  "plover",     "porpoise",
    "quay",      "reef",     "regatta",   "rudder",   "schooner", "seal",       "sextant",
    "skiff",     "sloop",    "spinnaker", "starfish", "tern",     "tiller",     "trawler",
    "yawl"};

}  // namespace berth::container
