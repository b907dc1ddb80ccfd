// images, history, pull, load, tag, rmi.
#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "api/fields.hpp"
#include "api/image.hpp"
#include "api/progress.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/pull_image.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/progress.hpp"
#include "client/format/table.hpp"
#include "client/format/text.hpp"
#include "client/options/refused.hpp"
#include "client/stream/json_lines.hpp"
#include "client/terminal/terminal.hpp"
#include "common/file.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kCreatedByWidth = 45;
constexpr int kExactDigits = 4;
constexpr std::string_view kNone = "<none>";

std::string size_text(std::int64_t bytes) {
  return format_decimal_size(static_cast<std::uint64_t>(bytes < 0 ? 0 : bytes));
}

/// One line of the list: an image has one for each of its names.
struct NamedImage {
  std::string repository{kNone};
  std::string tag{kNone};
  std::string digest{kNone};
};

std::vector<NamedImage> names_of(const api::ImageSummary& image, bool digests) {
  std::vector<NamedImage> names;
  const auto digest_of = [&image](const std::string& repository) -> std::string {
    for (const std::string& text : image.repo_digests) {
      const ImageName name = split_image_name(text);
      if (name.repository == repository) return name.tag;
    }
    return std::string(kNone);
  };
  for (const std::string& text : image.repo_tags) {
    const ImageName name = split_image_name(text);
    names.push_back({name.repository, name.tag, digest_of(name.repository)});
  }
  if (names.empty()) {
    for (const std::string& text : image.repo_digests) {
      const ImageName name = split_image_name(text);
      names.push_back({name.repository, std::string(kNone), name.tag});
      if (!digests) break;
    }
  }
  if (names.empty()) names.emplace_back();
  return names;
}

const std::vector<Column>& image_columns() {
  static const std::vector<Column> kColumns = {{"Containers", "CONTAINERS"},
                                               {"CreatedAt", "CREATED AT"},
                                               {"CreatedSince", "CREATED"},
                                               {"Digest", "DIGEST"},
                                               {"ID", "IMAGE ID"},
                                               {"Repository", "REPOSITORY"},
                                               {"SharedSize", "SHARED SIZE"},
                                               {"Size", "SIZE"},
                                               {"Tag", "TAG"},
                                               {"UniqueSize", "UNIQUE SIZE"},
                                               {"VirtualSize", "SIZE"}};
  return kColumns;
}

Row image_row(const api::ImageSummary& image, const NamedImage& name, bool full) {
  const auto counted = [](std::int64_t value) -> std::string {
    return value < 0 ? "N/A" : std::to_string(value);
  };
  return {counted(image.containers),
          local_time(image.created),
          ago(image.created),
          name.digest,
          full ? image.id : short_id(image.id),
          name.repository,
          image.shared_size < 0 ? "N/A" : size_text(image.shared_size),
          size_text(image.size),
          name.tag,
          image.shared_size < 0 ? "N/A" : size_text(image.size - image.shared_size),
          format_decimal_size(static_cast<std::uint64_t>(std::max<std::int64_t>(image.size, 0)),
                              kExactDigits)};
}

std::string raw_template(bool digests) {
  return std::string("repository: {{.Repository}}\ntag: {{.Tag}}\n") +
         (digests ? "digest: {{.Digest}}\n" : "") +
         "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
}

struct ImagesFlags {
  bool all = false;
  bool digests = false;
  bool full = false;
  bool quiet = false;
  std::vector<std::string> filters;
  std::string format;
};

ImagesFlags parse_images(const Arguments& arguments) {
  CommandLine line("images", "images [OPTIONS] [REPOSITORY[:TAG]]", "List images");
  ImagesFlags flags;
  line.flag("-a,--all", flags.all, "Show all images (default hides intermediate images)");
  line.flag("--digests", flags.digests, "Show digests");
  line.list("-f,--filter", flags.filters, "Filter output based on conditions provided");
  line.text("--format", flags.format, "Format output: 'table', 'json' or a template");
  line.flag("--no-trunc", flags.full, "Don't truncate output");
  line.flag("-q,--quiet", flags.quiet, "Only show image IDs");
  refuse_flag(line.flags(), "--tree", "images here have one platform each");
  const Arguments names = line.parse(arguments, 0, 1);
  if (!names.empty()) flags.filters.push_back("reference=" + names.front());
  return flags;
}

/// Prints a stream of progress. Throws Error with the daemon's reason when it failed.
void show_progress(Exchange& exchange, bool quiet) {
  ProgressDisplay display(STDOUT_FILENO, quiet);
  JsonLines lines(exchange);
  while (const auto line = lines.next())
    display.show(api::from_text<api::ProgressMessage>(*line));
}

}  // namespace

int run_images(Context& context, const Arguments& arguments) {
  const ImagesFlags flags = parse_images(arguments);
  const std::string target =
      "/images/json" + query_string({{"all", flags.all ? "1" : ""},
                                     {"digests", flags.digests ? "1" : ""},
                                     {"filters", encode_filters(flags.filters)}});
  const auto images = api::list_from_text<api::ImageSummary>(context.client().call("GET", target));
  if (flags.quiet && flags.format.empty()) {
    std::string text;
    for (const api::ImageSummary& image : images) {
      const std::string id = flags.full ? image.id : short_id(image.id);
      for (std::size_t count = names_of(image, flags.digests).size(); count > 0; --count)
        text += id + "\n";
    }
    print(text);
    return 0;
  }
  TableFormat format{image_columns(),
                     {"Repository", "Tag", "ID", "CreatedSince", "Size"},
                     flags.format,
                     flags.quiet ? "image_id: {{.ID}}" : raw_template(flags.digests),
                     "*formatter.imageContext"};
  if (flags.digests) format.shown.insert(format.shown.begin() + 2, "Digest");
  std::vector<Row> rows;
  for (const api::ImageSummary& image : images) {
    for (const NamedImage& name : names_of(image, flags.digests))
      rows.push_back(image_row(image, name, flags.full));
  }
  print(format_rows(format, rows));
  return 0;
}

int run_history(Context& context, const Arguments& arguments) {
  CommandLine line("history", "history [OPTIONS] IMAGE", "Show the history of an image");
  bool full = false;
  bool quiet = false;
  bool human = true;
  std::string text_format;
  line.flag("--no-trunc", full, "Don't truncate output");
  line.flag("-q,--quiet", quiet, "Only show image IDs");
  line.flag("-H,--human", human, "Print sizes and dates in human readable format");
  line.text("--format", text_format, "Format output: 'table', 'json' or a template");
  refuse_option(line.flags(), "--platform", "images here have one platform each");
  const std::string name = line.parse(arguments, 1, 1).front();
  const auto items = api::list_from_text<api::HistoryItem>(
      context.client().call("GET", "/images/" + escape_url(name) + "/history"));
  const TableFormat format{
      {{"ID", "IMAGE"},
       {"CreatedSince", "CREATED"},
       {"CreatedAt", "CREATED AT"},
       {"CreatedBy", "CREATED BY"},
       {"Size", "SIZE"},
       {"Comment", "COMMENT"}},
      {"ID", human ? "CreatedSince" : "CreatedAt", "CreatedBy", "Size", "Comment"},
      text_format,
      {},
      "*image.historyContext"};
  std::vector<Row> rows;
  std::string ids;
  for (const api::HistoryItem& item : items) {
    const std::string id = full ? item.id : short_id(item.id);
    std::string created_by = printable(item.created_by);
    for (char& character : created_by) {
      if (character == '\t' || character == '\n') character = ' ';
    }
    ids += id + "\n";
    rows.push_back({id, ago(item.created), local_time(item.created),
                    full ? created_by : shorten(created_by, kCreatedByWidth),
                    human ? size_text(item.size) : std::to_string(item.size),
                    printable(item.comment)});
  }
  print(quiet ? ids : format_rows(format, rows));
  return 0;
}

int run_pull(Context& context, const Arguments& arguments) {
  CommandLine line("pull", "pull [OPTIONS] NAME[:TAG|@DIGEST]",
                   "Download an image from a registry");
  bool all = false;
  bool quiet = false;
  std::string platform;
  line.flag("-a,--all-tags", all, "Download all tagged images in the repository");
  line.flag("-q,--quiet", quiet, "Suppress verbose output");
  line.text("--platform", platform, "Set platform if server is multi-platform capable");
  add_content_trust_flag(line.flags());
  ImageName image = split_image_name(line.parse(arguments, 1, 1).front());
  if (all && !image.tag.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "a tag can't be used with --all-tags/-a");
  }
  if (!all && image.tag.empty()) {
    image.tag = "latest";
    if (!quiet) print("Using default tag: latest\n");
  }
  pull_image(context.client(), image, platform, STDOUT_FILENO, quiet);
  print(image.text() + "\n");
  return 0;
}

int run_load(Context& context, const Arguments& arguments) {
  CommandLine line("load", "load [OPTIONS]", "Load images from a tar archive or STDIN");
  bool quiet = false;
  std::string input;
  std::string platform;
  line.text("-i,--input", input, "Read from tar archive file, instead of STDIN");
  line.flag("-q,--quiet", quiet, "Suppress the load output");
  line.text("--platform", platform, "Load only the given platform variant");
  line.parse(arguments, 0, 0);
  if (input.empty() && is_terminal(STDIN_FILENO)) {
    throw Error(ErrorKind::kInvalidArgument,
                "requested load from stdin, but stdin is a terminal: give a file with -i");
  }
  const Fd file = input.empty() ? Fd() : open_file(input, O_RDONLY);
  Request request;
  request.method = "POST";
  request.target =
      "/images/load" + query_string({{"quiet", quiet ? "1" : ""}, {"platform", platform}});
  request.body_file = file ? file.get() : STDIN_FILENO;
  Exchange exchange = context.client().open(std::move(request));
  show_progress(exchange, false);
  return 0;
}

int run_import(Context& context, const Arguments& arguments) {
  CommandLine line("import", "import [OPTIONS] file|- [REPOSITORY[:TAG]]",
                   "Import the contents from a tarball to create a filesystem image");
  std::vector<std::string> changes;
  std::string message;
  std::string platform;
  line.list("-c,--change", changes, "Apply Dockerfile instruction to the created image");
  line.text("-m,--message", message, "Set commit message for imported image");
  line.text("--platform", platform, "Set platform if server is multi-platform capable");
  const Arguments names = line.parse(arguments, 1, 2);
  const ImageName image = names.size() > 1 ? split_image_name(names[1]) : ImageName{};
  const Fd file = names[0] == "-" ? Fd() : open_file(names[0], O_RDONLY);
  std::vector<std::pair<std::string, std::string>> parameters{{"fromSrc", "-"},
                                                              {"repo", image.repository},
                                                              {"tag", image.tag},
                                                              {"message", message},
                                                              {"platform", platform}};
  for (const std::string& change : changes)
    parameters.emplace_back("changes", change);
  Request request;
  request.method = "POST";
  request.target = "/images/create" + query_string(parameters);
  request.body_file = file ? file.get() : STDIN_FILENO;
  Exchange exchange = context.client().open(std::move(request));
  show_progress(exchange, false);
  return 0;
}

int run_tag(Context& context, const Arguments& arguments) {
  CommandLine line("tag", "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
                   "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE");
  const Arguments names = line.parse(arguments, 2, 2);
  const ImageName target = split_image_name(names[1]);
  context.client().call("POST",
                        "/images/" + escape_url(names[0]) + "/tag" +
                            query_string({{"repo", target.repository}, {"tag", target.tag}}));
  return 0;
}

int run_rmi(Context& context, const Arguments& arguments) {
  CommandLine line("rmi", "rmi [OPTIONS] IMAGE [IMAGE...]", "Remove one or more images");
  bool force = false;
  bool no_prune = false;
  line.flag("-f,--force", force, "Force removal of the image");
  line.flag("--no-prune", no_prune, "Do not delete untagged parents");
  refuse_option(line.flags(), "--platform", "images here have one platform each");
  const Arguments names = line.parse(arguments, 1);
  const std::string query =
      query_string({{"force", force ? "1" : ""}, {"noprune", no_prune ? "1" : ""}});
  int result = 0;
  for (const std::string& name : names) {
    try {
      const auto items = api::list_from_text<api::DeleteItem>(
          context.client().call("DELETE", "/images/" + escape_url(name) + query));
      for (const api::DeleteItem& item : items) {
        print(item.deleted.empty() ? "Untagged: " + item.untagged + "\n"
                                   : "Deleted: " + item.deleted + "\n");
      }
    } catch (const ApiError& error) {
      print_error(std::string(error.what()) + "\n");
      if (!force || error.kind() != ErrorKind::kNotFound) result = 1;
    }
  }
  return result;
}

}  // namespace berth::client
