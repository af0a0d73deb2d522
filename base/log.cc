#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <chrono>

#include "absl/strings/escaping.h"
#include "base/utf8.h"

namespace registry::base {
namespace {

// spdlog allocates all of them at once, 400 bytes each. While nobody reads standard error, about
// 10 MiB wait: lines have at most nine fields of kMaxFieldBytes.
constexpr size_t kQueueLines = 1024;
constexpr std::chrono::seconds kFlushTimeout{2};

struct Backend {
  Backend()
      : pool(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
        logger(std::make_shared<spdlog::async_logger>(
            "registry", std::make_shared<spdlog::sinks::stderr_sink_mt>(), pool,
            spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                        spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
  }
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<size_t> dropped_lines_reported = 0;
};

Backend& GetBackend() {
  // Never destroyed: threads may log until the process ends.
  static Backend& backend = *new Backend;
  return backend;
}

// Clients choose the text of some fields. This counts bytes of JSON, where one byte may become six.
constexpr size_t kMaxFieldBytes = 1024;

void AppendJson(std::string& line, absl::string_view text) {
  std::string shown(text.substr(0, kMaxFieldBytes));
  bool cut = shown.size() < text.size();
  while (true) {
    std::string value = shown;
    // Invalid UTF-8 would make the whole line invalid JSON.
    if (!IsUtf8Text(value)) value = absl::CHexEscape(value);
    if (cut) value += "...";
    const std::string json = boost::json::serialize(boost::json::string_view(value));
    if (json.size() <= kMaxFieldBytes + 16 || shown.empty()) {
      line += json;
      return;
    }
    // Each round cuts in proportion to the excess, so there are few rounds.
    shown.resize(shown.size() * kMaxFieldBytes / (json.size() + 16));
    cut = true;
  }
}

void Log(spdlog::level::level_enum level, absl::string_view message, LogFields fields) {
  Backend& backend = GetBackend();
  if (const size_t dropped = backend.pool->overrun_counter();
      dropped > backend.dropped_lines_reported.exchange(dropped)) {
    backend.logger->warn(R"("message":"log lines dropped","total":{})", dropped);
  }
  std::string line = "\"message\":";
  AppendJson(line, message);
  for (const LogField& field : fields) {
    line += ',';
    AppendJson(line, field.name);
    line += ':';
    if (const auto* text = std::get_if<absl::string_view>(&field.value)) {
      AppendJson(line, *text);
    } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
      line += std::to_string(*number);
    } else {
      line += fmt::format("{:.3f}", std::get<double>(field.value));
    }
  }
  backend.logger->log(level, "{}", line);
}

}  // namespace

void LogInfo(absl::string_view message, LogFields fields) {
  Log(spdlog::level::info, message, fields);
}
void LogWarning(absl::string_view message, LogFields fields) {
  Log(spdlog::level::warn, message, fields);
}
void LogError(absl::string_view message, LogFields fields) {
  Log(spdlog::level::err, message, fields);
}

bool FlushLog() {
  Backend& backend = GetBackend();
  backend.logger->flush();
  // A flush is a message in the queue too: the queue is empty once the thread has taken it. The
  // deadline covers a reader of standard error that has stopped reading.
  const auto deadline = std::chrono::steady_clock::now() + kFlushTimeout;
  while (backend.pool->queue_size() > 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::fflush(stderr);
  return true;
}

}  // namespace registry::base
