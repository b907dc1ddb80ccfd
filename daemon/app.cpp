#include "daemon/app.hpp"

#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <malloc.h>
#include <signal.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "common/process.hpp"
#include "common/scope_guard.hpp"
#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/async/context.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/image_users.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/recovery.hpp"
#include "daemon/container/services.hpp"
#include "daemon/container/validate.hpp"
#include "daemon/container/volume_users.hpp"
#include "daemon/data_root.hpp"
#include "daemon/http/server.hpp"
#include "daemon/identity.hpp"
#include "daemon/image/pull_target.hpp"
#include "daemon/image/push_source.hpp"
#include "daemon/registry/puller.hpp"
#include "daemon/registry/pusher.hpp"
#include "daemon/registry/queries.hpp"
#include "daemon/routes/containers.hpp"
#include "daemon/routes/disk_usage.hpp"
#include "daemon/routes/exec.hpp"
#include "daemon/routes/images.hpp"
#include "daemon/routes/networks.hpp"
#include "daemon/routes/registries.hpp"
#include "daemon/routes/stats.hpp"
#include "daemon/routes/system.hpp"
#include "daemon/routes/volumes.hpp"
#include "daemon/runtime/launch.hpp"

namespace berth {

namespace {

// Threads are cheap, what each keeps in the allocator is not.
constexpr std::size_t kFastThreads = 4;
constexpr std::size_t kBulkThreads = 3;

network::Settings network_settings(const Config& config) {
  network::Settings settings;
  settings.bridge = config.bridge;
  settings.bip = config.bip;
  settings.fixed_cidr = config.fixed_cidr;
  settings.default_gateway = config.default_gateway;
  settings.mtu = config.mtu;
  settings.iptables = config.iptables;
  settings.ip_forward = config.ip_forward;
  settings.ip_masq = config.ip_masq;
  settings.icc = config.icc;
  settings.default_binding_address = config.ip;
  if (config.default_address_pools.empty()) return settings;
  settings.address_pools.clear();
  for (const AddressPoolOption& pool : config.default_address_pools)
    settings.address_pools.push_back({network::Subnet::parse(pool.base, "base"), pool.size});
  return settings;
}

/// Tried before anything is served: without, no container could start.
container::UserMapping user_mapping(const Config& config) {
  container::UserMapping mapping = container::read_user_mapping(config.userns_remap);
  if (mapping.empty()) return mapping;
  try {
    ProcessOptions check;
    check.argv = {find_shim(), "check-user-namespaces", config.data_root};
    run_process_checked(check);
  } catch (const Error&) {
    rethrow_with_context("userns-remap cannot be used on this machine");
  }
  return mapping;
}

container::Settings container_settings(const Config& config) {
  container::Settings settings;
  settings.data_root = config.data_root;
  settings.exec_root = config.exec_root;
  settings.cgroup_parent = config.cgroup_parent;
  for (const auto& [name, runtime] : config.runtimes)
    settings.runtimes[name] = {runtime.path, runtime.args};
  // As installed by the distribution, without a word in the configuration.
  for (const char* const name : {"crun", "runc"}) {
    if (const auto path = find_program(name); !path.empty())
      settings.runtimes.try_emplace(name, container::OciRuntime{path.native(), {}});
  }
  container::validate_runtime(config.default_runtime, settings);
  settings.default_runtime = config.default_runtime;
  settings.log_driver = config.log_driver;
  settings.log_options = config.log_options;
  try {
    container::check_log_config({config.log_driver, config.log_options});
  } catch (const Error&) {
    rethrow_with_context("failed to set log opts");
  }
  settings.shm_size = parse_memory_size(config.default_shm_size);
  settings.no_new_privileges = config.no_new_privileges;
  settings.apparmor = container::has_apparmor();
  settings.ipc_mode = config.default_ipc_mode;
  settings.cgroupns_mode = config.default_cgroupns_mode;
  for (const auto& [name, limit] : config.default_ulimits)
    settings.ulimits[name] = {name, limit.hard, limit.soft};
  settings.user_mapping = user_mapping(config);
  settings.init = config.init;
  settings.init_program = config.init_path.empty() ? find_init() : config.init_path;
  if (config.seccomp_profile == "unconfined") {
    settings.seccomp_profile = "unconfined";
  } else if (!config.seccomp_profile.empty() && config.seccomp_profile != "builtin") {
    settings.seccomp_profile = read_file(config.seccomp_profile);
  }
  settings.dns = config.dns;
  settings.dns_search = config.dns_search;
  settings.dns_options = config.dns_options;
  return settings;
}

registry::Options registry_options(const Config& config) {
  registry::Options options;
  options.insecure_registries = config.insecure_registries;
  options.mirrors = config.registry_mirrors;
  options.temporary = config.data_root / "tmp" / "downloads";
  options.max_download_attempts = static_cast<unsigned>(config.max_download_attempts);
  options.max_concurrent_downloads = static_cast<unsigned>(config.max_concurrent_downloads);
  options.max_concurrent_uploads = static_cast<unsigned>(config.max_concurrent_uploads);
  options.proxies = registry::proxies_from_environment();
  if (!config.http_proxy.empty()) options.proxies.http = config.http_proxy;
  if (!config.https_proxy.empty()) options.proxies.https = config.https_proxy;
  if (!config.no_proxy.empty()) options.proxies.no_proxy = config.no_proxy;
  options.user_agent = "berth/" BERTH_VERSION;
  return options;
}

}  // namespace

class App::Impl {
 public:
  explicit Impl(Config config)
      : config_(std::move(config)),
        data_root_(config_),
        database_(config_.data_root / "berth.db"),
        identity_(load_identity(database_)),
        storage_(storage::open_driver(config_.storage_driver, {control_.get_executor(), fast_,
                                                               bulk_, tasks_, config_.data_root})),
        events_(control_.get_executor()),
        images_({control_.get_executor(), fast_, bulk_, database_, *storage_, config_.data_root,
                 [this](std::string_view action, const std::string& id,
                        std::map<std::string, std::string> attributes) {
                   events_.publish("image", std::string(action), id, std::move(attributes));
                 }}),
        network_(control_.get_executor(), fast_, network_settings(config_), identity_.networks),
        networks_(control_.get_executor(), fast_, network_, database_, network_settings(config_),
                  [this](std::string_view action, const std::string& id,
                         std::map<std::string, std::string> attributes) {
                    events_.publish("network", std::string(action), id, std::move(attributes));
                  }),
        volumes_(
            {control_.get_executor(), fast_, bulk_, database_, config_.data_root,
             [this](std::string_view action, const std::string& name, api::StringMap attributes) {
               events_.publish("volume", std::string(action), name, std::move(attributes));
             }}),
        store_(database_),
        containers_{control_.get_executor(),
                    fast_,
                    bulk_,
                    tasks_,
                    store_,
                    images_,
                    *storage_,
                    network_,
                    networks_,
                    volumes_,
                    events_,
                    container_settings(config_),
                    runtime::seal_executable(find_shim())},
        image_users_(containers_),
        volume_users_(containers_),
        puller_(control_.get_executor(), transfers_, image::pull_targets(images_, *storage_),
                registry_options(config_)),
        pusher_(control_.get_executor(), transfers_,
                image::push_sources({control_.get_executor(), fast_, images_, *storage_}),
                registry_options(config_)),
        queries_(control_.get_executor(), transfers_, registry_options(config_)),
        facts_{identity_.daemon_id, config_, runtime::detect_cgroups()},
        collector_(containers_, facts_.cgroups),
        router_(config_.experimental),
        server_(streams_.get_executor(), control_.get_executor(), router_) {
    images_.set_users(image_users_);
    volumes_.set_users(volume_users_);
    routes::add_system_routes(router_, containers_, facts_);
    routes::add_container_routes(router_, containers_);
    routes::add_disk_usage_routes(router_, containers_);
    routes::add_exec_routes(router_, containers_);
    routes::add_stats_routes(router_, containers_, collector_);
    routes::add_volume_routes(router_, volumes_);
    routes::add_image_routes(router_, images_, puller_);
    routes::add_registry_routes(router_, pusher_, queries_);
    routes::add_network_routes(router_, containers_);
  }

  void run() {
    // Opened before anything slow, so that an address in use is told at once; clients that connect
    // already wait.
    std::vector<http::Listener> listeners;
    for (const std::string& host : config_.hosts) {
      http::ListenOptions options{config_.group, config_.group_given, config_.allow_plain_tcp};
      for (http::Listener& listener : http::open_listeners(host, options))
        listeners.push_back(std::move(listener));
    }
    asio::co_spawn(control_, serve(std::move(listeners)), [this](std::exception_ptr failure) {
      failure_ = failure;
      control_.stop();
    });
    auto keep_streams = asio::make_work_guard(streams_);
    std::jthread streams([this] { streams_.run(); });
    transfers_.start();
    control_.run();
    keep_streams.reset();
    streams_.stop();
    streams.join();
    // No thread is left that could resume a coroutine. What waits still (for containers, mostly) is
    // destroyed while everything that it refers to exists.
    fast_.join();
    bulk_.join();
    database_.close();
    control_.drop_waiting();
    streams_.drop_waiting();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Task<> serve(std::vector<http::Listener> listeners) {
    asio::signal_set signals(control_, SIGTERM, SIGINT);
    tasks_.spawn("reload", [this] { return reload_on_hangup(); });
    co_await network_.start();
    co_await networks_.restore();
    co_await container::recover(containers_);
    for (http::Listener& listener : listeners) {
      log::info("listening on {}", listener.address);
      server_.listen(std::move(listener));
    }
    ::malloc_trim(0);
    ::sd_notify(0, "READY=1");
    log::info("berthd {} is ready", BERTH_VERSION);
    const int number = co_await signals.async_wait(asio::use_awaitable);
    log::info("stopping on signal {}", number);
    ::sd_notify(0, "STOPPING=1");
    co_await stop();
  }

  Task<> reload_on_hangup() {
    asio::signal_set hangup(control_, SIGHUP);
    for (;;) {
      co_await hangup.async_wait(asio::use_awaitable);
      try {
        reload();
      } catch (const Error& error) {
        log::error("the configuration stays as it is: {}", error.what());
      }
    }
  }

  /// Takes what may change while the daemon runs from daemon.json.
  void reload() {
    utsname host{};
    ::uname(&host);
    ::sd_notify(0, "RELOADING=1");
    ScopeGuard ready([] { ::sd_notify(0, "READY=1"); });
    const std::vector<std::string> waiting = take_reloadable(config_, read_config(config_.flags));
    log::set_level(config_.log_level);
    log::info("the configuration was read again");
    if (!waiting.empty()) {
      log::warn("these changes wait for the next start of the daemon: {}", join(waiting, ", "));
    }
    events_.publish("daemon", "reload", identity_.daemon_id,
                    {{"debug", config_.debug ? "true" : "false"},
                     {"labels", join(config_.labels, ",")},
                     {"log-level", config_.log_level},
                     {"name", host.nodename},
                     {"shutdown-timeout", std::to_string(config_.shutdown_timeout)}});
  }

  /// Containers go on; what clients wait for is cut off, what changes something is finished.
  Task<> stop() {
    co_await server_.stop(std::chrono::seconds(config_.shutdown_timeout));
    co_await puller_.close();
    co_await pusher_.close();
    co_await queries_.close();
    co_await network_.stop();
  }

  Config config_;
  DataRoot data_root_;
  Context control_{1};
  Context streams_{1};
  BlockingPool fast_{kFastThreads};
  BlockingPool bulk_{kBulkThreads};
  Gate tasks_{control_.get_executor()};
  state::Database database_;
  Identity identity_;
  std::unique_ptr<storage::Driver> storage_;
  event::Bus events_;
  image::ImageService images_;
  network::NetworkService network_;
  network::Catalog networks_;
  volume::VolumeService volumes_;
  container::Store store_;
  container::Services containers_;
  container::ImageUsersOfContainers image_users_;
  container::VolumeUsersOfContainers volume_users_;
  registry::TransferThread transfers_;
  registry::Puller puller_;
  registry::Pusher pusher_;
  registry::Queries queries_;
  routes::DaemonFacts facts_;
  stats::Collector collector_;
  http::Router router_;
  http::Server server_;
  std::exception_ptr failure_;
};

App::App(Config config) : impl_(std::make_unique<Impl>(std::move(config))) {}
App::~App() = default;
void App::run() {
  impl_->run();
}

}  // namespace berth
