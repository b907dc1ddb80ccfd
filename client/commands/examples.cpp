// The examples at the end of the help and the man pages.
#include <algorithm>
#include <array>
#include <utility>

#include "client/commands/description.hpp"

namespace berth::client {

namespace {

using Example = std::pair<std::string_view, std::string_view>;

constexpr std::array kExamples = {
    Example{"run",
            "  # A shell that leaves nothing behind\n  berth run -it --rm busybox sh\n"
            "  # A web server in the background, on port 8080 of this machine\n"
            "  berth run -d --name web -p 8080:80 nginx\n"
            "  # With a folder of this machine and 256 MB of memory\n"
            "  berth run --rm -v \"$PWD\":/src -m 256m busybox ls /src\n"},
    Example{"create", "  berth create --name web -p 8080:80 nginx\n  berth start web\n"},
    Example{"ps",
            "  # Those that have ended, too\n  berth ps -a\n"
            "  # Names and ports alone\n  berth ps --format 'table {{.Names}}\\t{{.Ports}}'\n"
            "  # Remove all that have ended\n  berth rm $(berth ps -aq -f status=exited)\n"},
    Example{"exec", "  berth exec -it web sh\n  berth exec -e DEBUG=1 -w /srv web ./check\n"},
    Example{"logs",
            "  # The last ten lines, and those that come\n  berth logs -n 10 -f web\n"
            "  berth logs --since 10m -t web\n"},
    Example{"inspect",
            "  berth inspect -f '{{.State.Status}}' web\n"
            "  berth inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web\n"},
    Example{"images",
            "  berth images\n  berth images --format '{{.Repository}}:{{.Tag}} {{.Size}}'\n"
            "  berth images -f dangling=true -q\n"},
    Example{"cp", "  berth cp web:/etc/nginx.conf .\n  tar c . | berth cp - web:/srv\n"},
    Example{"pull", "  berth pull busybox:1.36\n  berth pull registry.example.com:5000/team/app\n"},
    Example{"push", "  berth push registry.example.com:5000/team/app:1.0\n"},
    Example{"save", "  berth save busybox | gzip > busybox.tar.gz\n"},
    Example{"load", "  berth load -i busybox.tar.gz\n"},
    Example{"stats", "  berth stats\n  berth stats --no-stream --format json\n"},
    Example{"stop",
            "  berth stop web\n  # Ten minutes for a database to end by itself\n"
            "  berth stop -t 600 database\n"},
    Example{"rm",
            "  berth rm web\n  # Running ones, with their unnamed volumes\n  berth rm -fv web\n"},
    Example{"update", "  berth update -m 512m --cpus 1.5 web\n"},
    Example{"events",
            "  berth events -f type=container -f event=die\n"
            "  berth events --since 1h --until 0s --format json\n"},
    Example{"top",
            "  berth top web\n  berth top web -eo pid,rss,args\n"
            "  # The whole machine\n  berth top\n"},
    Example{"commit", "  berth commit -c 'CMD [\"sh\"]' web team/web:changed\n"},
    Example{"context create",
            "  berth context create far --docker host=ssh://me@far.example.com\n"
            "  berth context create safe --docker "
            "host=tcp://10.0.0.5:2376,ca=ca.pem,cert=cert.pem,key=key.pem\n"},
    Example{"completion",
            "  # bash: into ~/.bashrc\n  source <(berth completion bash)\n"
            "  # zsh: into a folder of $fpath\n  berth completion zsh > _berth\n"
            "  # fish\n  berth completion fish > ~/.config/fish/completions/berth.fish\n"},
    Example{"system df", "  berth system df\n  berth system df -v\n"},
};

}  // namespace

std::string_view examples_of(std::string_view name) {
  const auto found = std::find_if(kExamples.begin(), kExamples.end(),
                                  [&](const Example& each) { return each.first == name; });
  return found == kExamples.end() ? std::string_view() : found->second;
}

}  // namespace berth::client
