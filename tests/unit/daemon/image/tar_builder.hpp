// Tar archives byte by byte, the malformed ones included.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::test {

class TarBuilder {
 public:
  struct Entry {
    std::string name{};
    char type = '0';
    std::string data{};
    std::string link{};
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    long mtime = 1'700'000'000;
    unsigned device_major = 0;
    unsigned device_minor = 0;
    /// Of a pax header in front.
    std::vector<std::pair<std::string, std::string>> pax{};
  };

  TarBuilder& add(const Entry& entry) {
    if (!entry.pax.empty()) {
      std::string records;
      for (const auto& [key, value] : entry.pax)
        records += pax_record(key, value);
      append_header({.name = "pax", .type = 'x', .data = records});
      append_data(records);
    }
    append_header(entry);
    append_data(entry.data);
    return *this;
  }
  TarBuilder& file(std::string name, std::string data, unsigned mode = 0644) {
    return add({.name = std::move(name), .data = std::move(data), .mode = mode});
  }
  TarBuilder& folder(std::string name, unsigned mode = 0755) {
    return add({.name = std::move(name), .type = '5', .mode = mode});
  }
  TarBuilder& symlink(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '2', .link = std::move(target), .mode = 0777});
  }
  TarBuilder& hardlink(std::string name, std::string target) {
    return add({.name = std::move(name), .type = '1', .link = std::move(target)});
  }
  TarBuilder& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }

  std::string finish() const { return text_ + std::string(1024, '\0'); }

 private:
  static std::string pax_record(const std::string& key, const std::string& value) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length)
      length = std::to_string(length).size() + rest.size();
    return std::to_string(length) + rest;
  }

  static void put(std::string& header, std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  }
  static std::string octal(unsigned long value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*lo", digits, value);
    return text.data();
  }

  void append_header(const Entry& entry) {
    std::string header(512, '\0');
    put(header, 0, std::string_view(entry.name).substr(0, 100));
    put(header, 100, octal(entry.mode, 7));
    put(header, 108, octal(entry.uid, 7));
    put(header, 116, octal(entry.gid, 7));
    put(header, 124, octal(entry.data.size(), 11));
    put(header, 136, octal(static_cast<unsigned long>(entry.mtime), 11));
    put(header, 148, "        ");
    header[156] = entry.type;
    put(header, 157, std::string_view(entry.link).substr(0, 100));
    put(header, 257, std::string_view("ustar\00000", 8));
    put(header, 329, octal(entry.device_major, 7));
    put(header, 337, octal(entry.device_minor, 7));
    unsigned long sum = 0;
    for (const char c : header)
      sum += static_cast<unsigned char>(c);
    put(header, 148, octal(sum, 6) + std::string("\0 ", 2));
    text_ += header;
  }

  void append_data(const std::string& data) {
    text_ += data;
    text_.append((512 - data.size() % 512) % 512, '\0');
  }

  std::string text_;
};

}  // namespace berth::test
