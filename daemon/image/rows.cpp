#include "daemon/image/rows.hpp"

#include <array>
#include <string_view>

#include <SQLiteCpp/SQLiteCpp.h>

namespace berth::image {

namespace {
constexpr std::array<std::string_view, 2> kSteps = {
    "CREATE TABLE images("
    "  id TEXT PRIMARY KEY,"
    "  manifest TEXT NOT NULL,"
    "  manifest_type TEXT NOT NULL,"
    "  manifest_size INTEGER NOT NULL,"
    "  last_tagged INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE image_names("
    "  name TEXT PRIMARY KEY,"
    "  image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE"
    ") WITHOUT ROWID;"
    "CREATE INDEX image_names_by_image ON image_names(image);",
    "CREATE TABLE layer_blobs("
    "  diff_id TEXT NOT NULL,"
    "  registry TEXT NOT NULL,"
    "  repository TEXT NOT NULL,"
    "  digest TEXT NOT NULL,"
    "  media_type TEXT NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  PRIMARY KEY(diff_id, registry, repository, digest)"
    ") WITHOUT ROWID;",
};
}  // namespace

void migrate_images(state::Database& database) {
  database.migrate("image", kSteps);
}

std::vector<ImageRow> read_images(SQLite::Database& database) {
  std::vector<ImageRow> rows;
  SQLite::Statement query(
      database, "SELECT id, manifest, manifest_type, manifest_size, last_tagged FROM images");
  while (query.executeStep()) {
    rows.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                    query.getColumn(2).getString(), query.getColumn(3).getInt64(),
                    query.getColumn(4).getInt64()});
  }
  return rows;
}

std::vector<NameRow> read_names(SQLite::Database& database) {
  std::vector<NameRow> rows;
  SQLite::Statement query(database, "SELECT name, image FROM image_names");
  while (query.executeStep())
    rows.push_back({query.getColumn(0).getString(), query.getColumn(1).getString()});
  return rows;
}

void put_image(SQLite::Database& database, const ImageRow& row) {
  // Not REPLACE: that would delete the row first, and the names with it.
  SQLite::Statement insert(
      database,
      "INSERT INTO images(id, manifest, manifest_type, manifest_size, last_tagged) "
      "VALUES(?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET manifest = excluded.manifest, "
      "manifest_type = excluded.manifest_type, manifest_size = excluded.manifest_size, "
      "last_tagged = excluded.last_tagged");
  insert.bind(1, row.id);
  insert.bind(2, row.manifest);
  insert.bind(3, row.manifest_type);
  insert.bind(4, row.manifest_size);
  insert.bind(5, row.last_tagged);
  insert.exec();
}

void put_name(SQLite::Database& database, const NameRow& row) {
  SQLite::Statement insert(database,
                           "INSERT OR REPLACE INTO image_names(name, image) VALUES(?, ?)");
  insert.bind(1, row.name);
  insert.bind(2, row.image);
  insert.exec();
}

void set_last_tagged(SQLite::Database& database, const std::string& id, std::int64_t time) {
  SQLite::Statement update(database, "UPDATE images SET last_tagged = ? WHERE id = ?");
  update.bind(1, time);
  update.bind(2, id);
  update.exec();
}

void set_manifest(SQLite::Database& database, const std::string& id, const ImageRow& row) {
  SQLite::Statement update(
      database,
      "UPDATE images SET manifest = ?, manifest_type = ?, manifest_size = ? WHERE id = ?");
  update.bind(1, row.manifest);
  update.bind(2, row.manifest_type);
  update.bind(3, row.manifest_size);
  update.bind(4, id);
  update.exec();
}

void delete_name(SQLite::Database& database, const NameRow& row) {
  SQLite::Statement statement(database, "DELETE FROM image_names WHERE name = ? AND image = ?");
  statement.bind(1, row.name);
  statement.bind(2, row.image);
  statement.exec();
}

std::vector<LayerBlobRow> read_layer_blobs(SQLite::Database& database, const std::string& diff_id) {
  std::vector<LayerBlobRow> rows;
  SQLite::Statement query(database,
                          "SELECT diff_id, registry, repository, digest, media_type, size "
                          "FROM layer_blobs WHERE diff_id = ?");
  query.bind(1, diff_id);
  while (query.executeStep()) {
    rows.push_back({query.getColumn(0).getString(), query.getColumn(1).getString(),
                    query.getColumn(2).getString(), query.getColumn(3).getString(),
                    query.getColumn(4).getString(), query.getColumn(5).getInt64()});
  }
  return rows;
}

void put_layer_blob(SQLite::Database& database, const LayerBlobRow& row) {
  SQLite::Statement insert(
      database,
      "INSERT OR REPLACE INTO layer_blobs(diff_id, registry, repository, digest, media_type, size) "
      "VALUES(?, ?, ?, ?, ?, ?)");
  insert.bind(1, row.diff_id);
  insert.bind(2, row.registry);
  insert.bind(3, row.repository);
  insert.bind(4, row.digest);
  insert.bind(5, row.media_type);
  insert.bind(6, row.size);
  insert.exec();
}

void delete_layer_blobs(SQLite::Database& database, const std::string& diff_id) {
  SQLite::Statement statement(database, "DELETE FROM layer_blobs WHERE diff_id = ?");
  statement.bind(1, diff_id);
  statement.exec();
}

void delete_image(SQLite::Database& database, const std::string& id) {
  SQLite::Statement statement(database, "DELETE FROM images WHERE id = ?");
  statement.bind(1, id);
  statement.exec();
}

}  // namespace berth::image
