#include "daemon/log/reader.hpp"

#include <algorithm>

#include "daemon/log/files.hpp"
#include "daemon/log/tail.hpp"

namespace berth::logs {

Reader::Reader(std::filesystem::path file, Format format, ReadOptions options)
    : file_(std::move(file)),
      format_(format),
      codec_(codec_for(format)),
      options_(options),
      formatter_(codec_, options.appearance),
      sources_(open_files(file_)) {
  // All of such a file is too old.
  while (options_.since && sources_.size() > 1 && sources_.front().last_time() &&
         *sources_.front().last_time() < *options_.since)
    sources_.pop_front();
  if (options_.tail) seek_tail();
}

void Reader::seek_tail() {
  std::size_t missing = *options_.tail;
  for (std::size_t i = sources_.size(); i-- > 0;) {
    if (missing == 0) {
      // Of the newest, what will be written is still to be read.
      if (i + 1 == sources_.size()) {
        sources_[i].seek_end();
      } else {
        sources_.erase(sources_.begin() + static_cast<long>(i));
      }
      continue;
    }
    const Tail tail = find_tail(sources_[i], format_, missing);
    sources_[i].seek(tail.offset);
    missing -= tail.entries;
  }
}

bool Reader::fill() {
  if (sources_.empty()) sources_ = open_files(file_);
  return !sources_.empty() && !broken_ && window_.fill(sources_.front());
}

/// True when there is more to read after all.
bool Reader::advance_file() {
  if (sources_.empty()) return false;
  if (sources_.size() > 1) {
    sources_.pop_front();
  } else {
    // Was the file that we are at the end of rotated away?
    std::deque<Source> newer = open_newer(file_, sources_.front().identity());
    if (newer.empty()) return false;
    // What was written between our last read and the rename is still in the old file.
    if (fill()) return true;
    sources_ = std::move(newer);
  }
  window_.clear();
  broken_ = false;
  return true;
}

bool Reader::wanted(const Entry& entry) {
  if (options_.since || options_.until) {
    const auto time = time_of(entry);
    if (!time) return false;
    if (options_.until && *time > *options_.until) {
      past_until_ = true;
      return false;
    }
    if (options_.since && *time < *options_.since) return false;
  }
  return entry.stream == Stream::kStdout ? options_.stdout_stream : options_.stderr_stream;
}

bool Reader::read(std::string& out, std::size_t enough) {
  while (!past_until_ && out.size() < enough) {
    const Found found = codec_.decode(window_.view(), entry_);
    if (found.kind == Found::Kind::kEntry) {
      if (wanted(entry_)) formatter_.append(entry_, out);
    }
    window_.consume(found.length);
    if (found.length > 0) continue;
    if (!broken_ && (found.kind == Found::Kind::kBroken || window_.is_overfull())) {
      formatter_.append_error("Error grabbing logs: a log file is damaged\n", out);
      broken_ = true;
    }
    if (!fill() && !advance_file()) return false;
  }
  return !past_until_;
}

}  // namespace berth::logs
