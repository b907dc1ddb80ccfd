#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <nlohmann/json.hpp>
#include <sys/random.h>
#include <zlib.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/shim/message_formats.hpp"

namespace berth::shim {

namespace {

constexpr int kError = 3;
constexpr int kInformation = 6;
// What goes through any network in one piece; more is cut up.
constexpr std::size_t kChunk = 1420;
constexpr std::size_t kChunkHead = 12;
constexpr std::size_t kMostChunks = 128;

/// Compresses one message after the other. Its memory is small: messages are.
class Compressor {
 public:
  Compressor(bool gzip, int level) {
    constexpr int kWindow = 12;  // 4 KiB
    constexpr int kGzip = 16;
    constexpr int kMemory = 5;
    if (::deflateInit2(&stream_, level, Z_DEFLATED, kWindow + (gzip ? kGzip : 0), kMemory,
                       Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(ErrorKind::kInternal, "zlib cannot be set up for the log driver gelf");
    }
  }
  ~Compressor() { ::deflateEnd(&stream_); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  std::string compress(std::string text) {
    ::deflateReset(&stream_);
    std::string packed(::deflateBound(&stream_, text.size()), '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(text.data());
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream_.avail_out = static_cast<uInt>(packed.size());
    if (::deflate(&stream_, Z_FINISH) != Z_STREAM_END) return text;  // plain is read as well
    packed.resize(stream_.total_out);
    return packed;
  }

 private:
  z_stream stream_{};
};

void emit_chunks(const std::string& message, const EmitMessage& emit) {
  if (message.size() <= kChunk) {
    emit(message);
    return;
  }
  constexpr std::size_t kPayload = kChunk - kChunkHead;
  const std::size_t count = (message.size() + kPayload - 1) / kPayload;
  if (count > kMostChunks) return;  // of no line: they are cut at 16 KiB
  std::array<char, 8> id{};
  (void)!::getrandom(id.data(), id.size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::string chunk = "\x1e\x0f";
    chunk.append(id.data(), id.size());
    chunk.push_back(static_cast<char>(i));
    chunk.push_back(static_cast<char>(count));
    emit(chunk.append(message, i * kPayload, kPayload));
  }
}

std::string message_of(const nlohmann::ordered_json& common, const LogLine& line) {
  constexpr double kMilliseconds = 1000.0;
  constexpr long kMillisecond = 1'000'000;
  const long milliseconds = line.time.tv_nsec / kMillisecond;
  nlohmann::ordered_json message = common;
  message["short_message"] = line.without_end();
  message["timestamp"] =
      static_cast<double>(line.time.tv_sec) + static_cast<double>(milliseconds) / kMilliseconds;
  message["level"] = line.stream == Stream::kStdout ? kInformation : kError;
  return message.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

MessageFormat gelf_format(const runtime::LogReceiver& receiver) {
  nlohmann::ordered_json common{{"version", "1.1"}, {"host", receiver.options.at("host")}};
  for (const auto& [name, value] : receiver.fields)
    common[name] = value;
  if (receiver.network == "tcp") {
    return [common = std::move(common)](const LogLine& line, const EmitMessage& emit) {
      if (!line.without_end().empty()) emit(message_of(common, line) + '\0');
    };
  }
  const std::string& compression = receiver.options.at("compression");
  std::shared_ptr<Compressor> compressor;
  if (compression != "none") {
    const int level = parse_number<int>(receiver.options.at("level")).value_or(1);
    compressor = std::make_shared<Compressor>(compression == "gzip", level);
  }
  return [common = std::move(common), compressor](const LogLine& line, const EmitMessage& emit) {
    // A receiver refuses messages without text.
    if (line.without_end().empty()) return;
    std::string message = message_of(common, line);
    emit_chunks(compressor ? compressor->compress(std::move(message)) : message, emit);
  };
}

}  // namespace berth::shim
