// Certificates: the system's, and those of /etc/berth/certs.d/<host[:port]>/.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "common/file.hpp"
#include "daemon/registry/connection.hpp"

namespace berth::registry {

namespace {

namespace fs = std::filesystem;
namespace ssl = asio::ssl;

std::vector<fs::path> files_with(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

template <typename Load>
void load(const fs::path& file, Load&& action) {
  try {
    const std::string pem = read_file(file, std::size_t{1} << 20U);
    action(asio::buffer(pem));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInvalidArgument,
                "cannot use certificate file \"" + file.string() + "\": " + error.what());
  }
}

}  // namespace

std::shared_ptr<ssl::context> make_tls_context(const fs::path& folder, bool verify) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                       ssl::context::no_tlsv1_1);
  context->set_verify_mode(verify ? ssl::verify_peer : ssl::verify_none);
  if (verify) {
    context->set_default_verify_paths();
    for (const fs::path& file : files_with(folder, ".crt")) {
      load(file, [&](const asio::const_buffer& pem) { context->add_certificate_authority(pem); });
    }
  }
  for (const fs::path& certificate : files_with(folder, ".cert")) {
    fs::path key = certificate;
    key.replace_extension(".key");
    load(certificate, [&](const asio::const_buffer& pem) { context->use_certificate_chain(pem); });
    load(key,
         [&](const asio::const_buffer& pem) { context->use_private_key(pem, ssl::context::pem); });
  }
  return context;
}

}  // namespace berth::registry
