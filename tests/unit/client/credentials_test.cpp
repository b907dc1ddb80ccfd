#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "api/fields.hpp"
#include "client/credentials/store.hpp"
#include "common/base64.hpp"
#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::client {

namespace {

struct Folder {
  Folder() {
    std::string name = "/tmp/berth-credentials-XXXXXX";
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& text) const { std::ofstream(path / "config.json") << text; }
  nlohmann::json config() const { return nlohmann::json::parse(read_file(path / "config.json")); }

  std::filesystem::path path;
};

api::AuthConfig ann() {
  api::AuthConfig credentials;
  credentials.username = "ann";
  credentials.password = "se:cret";
  return credentials;
}

}  // namespace

TEST_CASE("a registry has one key, however it is written", "[credentials]") {
  CHECK(credentials_key("") == "https://index.docker.io/v1/");
  CHECK(credentials_key("docker.io") == "https://index.docker.io/v1/");
  CHECK(credentials_key("https://index.docker.io/v1/") == "https://index.docker.io/v1/");
  CHECK(credentials_key("https://quay.example/v2/") == "quay.example");
  CHECK(credentials_key("localhost:5000") == "localhost:5000");
  CHECK(credentials_key_of_image("nginx") == "https://index.docker.io/v1/");
  CHECK(credentials_key_of_image("localhost:5000/tool") == "localhost:5000");
}

TEST_CASE("credentials are kept in the file, for their owner alone", "[credentials]") {
  const Folder folder;
  CredentialStore store(folder.path / "new");
  CHECK(store.find("quay.example").username.empty());
  CHECK(store.save("quay.example", ann()));
  struct stat info{};
  REQUIRE(::stat(store.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  const CredentialStore again(folder.path / "new");
  CHECK(again.find("quay.example").username == "ann");
  CHECK(again.find("quay.example").password == "se:cret");
  CHECK(store.erase("quay.example"));
  CHECK_FALSE(store.erase("quay.example"));
  CHECK(CredentialStore(folder.path / "new").find("quay.example").username.empty());
}

TEST_CASE("what others wrote into the file stays", "[credentials]") {
  const Folder folder;
  folder.write(R"({"psFormat": "x", "auths": {"https://old.example/v2/": {"auth": "YTpi"},
                   "token.example": {"auth": "Og==", "identitytoken": "t"}}})");
  CredentialStore store(folder.path);
  CHECK(store.find("old.example").username == "a");
  CHECK(store.find("old.example").password == "b");
  CHECK(store.find("token.example").identity_token == "t");
  store.save("quay.example", ann());
  CHECK(folder.config()["psFormat"] == "x");
  CHECK(folder.config()["auths"]["https://old.example/v2/"]["auth"] == "YTpi");
}

TEST_CASE("a helper keeps what it is there for", "[credentials]") {
  const Folder folder;
  const std::string helper = (folder.path / "docker-credential-test").native();
  std::ofstream(helper) << "#!/bin/sh\ncase $1 in\n"
                           "store) cat > " +
                               folder.path.native() +
                               "/kept ;;\n"
                               "get) cat " +
                               folder.path.native() +
                               "/kept 2>/dev/null || { echo credentials not found in native "
                               "keychain; exit 1; } ;;\n"
                               "erase) rm -f " +
                               folder.path.native() + "/kept ;;\nesac\n";
  std::filesystem::permissions(helper, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (folder.path.native() + ":" + path).c_str(), 1);
  folder.write(R"({"credHelpers": {"quay.example": "test"}})");
  CredentialStore store(folder.path);
  CHECK(store.find("quay.example").username.empty());
  CHECK_FALSE(store.save("quay.example", ann()));
  CHECK(folder.config()["auths"]["quay.example"] == nlohmann::json::object());
  CHECK(store.find("quay.example").password == "se:cret");
  CHECK(store.erase("quay.example"));
  CHECK(store.find("quay.example").username.empty());
  ::setenv("PATH", path.c_str(), 1);
}

TEST_CASE("a broken file is told and left alone", "[credentials]") {
  const Folder folder;
  folder.write("{");
  CHECK_THROWS_WITH(CredentialStore(folder.path), Catch::Contains("is no JSON object"));
  folder.write(R"({"credsStore": "../../bin/evil"})");
  CHECK_THROWS_WITH(CredentialStore(folder.path).find("x"), Catch::Contains("is no plain name"));
  folder.write(R"({"credsStore": "there-is-none"})");
  CHECK_THROWS_AS(CredentialStore(folder.path).find("x"), Error);
}

TEST_CASE("the header is base64url of JSON", "[credentials]") {
  const auto decoded = decode_base64(registry_auth(ann()));
  REQUIRE(decoded);
  CHECK(api::from_text<api::AuthConfig>(*decoded) == ann());
}

}  // namespace berth::client
