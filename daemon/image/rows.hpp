// The tables of images. For store.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/state/database.hpp"

namespace berth::image {

struct ImageRow {
  std::string id;
  std::string manifest;
  std::string manifest_type;
  std::int64_t manifest_size = 0;
  std::int64_t last_tagged = 0;  // nanoseconds since 1970
};

struct NameRow {
  std::string name;
  std::string image;
};

/// A layer's compressed form and a repository that has it.
struct LayerBlobRow {
  std::string diff_id;
  std::string registry;
  std::string repository;
  std::string digest;
  std::string media_type;
  std::int64_t size = 0;
};

void migrate_images(state::Database& database);
std::vector<ImageRow> read_images(SQLite::Database& database);
std::vector<NameRow> read_names(SQLite::Database& database);
void put_image(SQLite::Database& database, const ImageRow& row);
void put_name(SQLite::Database& database, const NameRow& row);
void set_last_tagged(SQLite::Database& database, const std::string& id, std::int64_t time);
/// Of `row` only the manifest's columns are used.
void set_manifest(SQLite::Database& database, const std::string& id, const ImageRow& row);
void delete_name(SQLite::Database& database, const NameRow& row);
/// Its names go with it.
void delete_image(SQLite::Database& database, const std::string& id);

std::vector<LayerBlobRow> read_layer_blobs(SQLite::Database& database, const std::string& diff_id);
void put_layer_blob(SQLite::Database& database, const LayerBlobRow& row);
void delete_layer_blobs(SQLite::Database& database, const std::string& diff_id);

}  // namespace berth::image
