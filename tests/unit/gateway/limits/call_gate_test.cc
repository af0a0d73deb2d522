#include "gateway/limits/call_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace registry::gateway {
namespace {

namespace asio = boost::asio;

class CallGateTest : public testing::Test {
 protected:
  // A coroutine that enters, notes its name, and keeps its pass.
  void Spawn(const std::string& name, size_t bytes, asio::cancellation_signal* signal = nullptr) {
    auto run = [](CallGateTest& test, std::string name, size_t bytes) -> http::Awaitable<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      std::optional<CallGate::Pass> pass = co_await test.gate_.Enter(bytes);
      test.log_.push_back(pass ? name : name + " cancelled");
      if (pass) test.passes_.push_back(std::move(*pass));
    };
    if (signal == nullptr) {
      asio::co_spawn(loop_.get_executor(), run(*this, name, bytes), asio::detached);
    } else {
      asio::co_spawn(loop_.get_executor(), run(*this, name, bytes),
                     asio::bind_cancellation_slot(signal->slot(), asio::detached));
    }
    Run();
  }
  // Enters and waits for the outcome.
  std::optional<CallGate::Pass> Enter(CallGate& gate) {
    loop_.restart();
    auto entered = asio::co_spawn(loop_.get_executor(), gate.Enter(10), asio::use_future);
    loop_.run();
    return entered.get();
  }
  void Run() {
    loop_.restart();
    loop_.poll();
  }
  void EndFirst() {
    passes_.erase(passes_.begin());
    Run();
  }

  asio::io_context loop_{1};
  CallGate gate_{{.bytes = 100, .max_waiting = 2}};
  std::vector<std::string> log_;
  std::vector<CallGate::Pass> passes_;
};

TEST_F(CallGateTest, LetsInWhatFitsAndTheOthersInTheirOrder) {
  Spawn("a", 60);
  Spawn("b", 40);
  Spawn("c", 50);
  // Small, but not before its turn.
  Spawn("d", 1);
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "b"}));
  EndFirst();
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(CallGateTest, WhatIsLargerThanTheGateGoesAlone) {
  Spawn("a", 1);
  Spawn("b", 1000);
  EXPECT_EQ(log_, (std::vector<std::string>{"a"}));
  EndFirst();
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "b"}));
  Spawn("c", 1);
  EXPECT_EQ(log_.size(), 2u);
  EndFirst();
  EXPECT_EQ(log_.back(), "c");
}

TEST_F(CallGateTest, OnlySoManyWait) {
  for (const char* name : {"a", "b", "c", "d"}) Spawn(name, 100);
  EXPECT_EQ(log_, (std::vector<std::string>{"a", "d cancelled"}));
}

TEST_F(CallGateTest, NobodyWaitsForEver) {
  CallGate gate({.bytes = 10, .max_wait = std::chrono::milliseconds(1)});
  CallGate::Pass pass = Enter(gate).value();
  EXPECT_FALSE(Enter(gate).has_value());
}

TEST_F(CallGateTest, WhoIsCancelledMakesRoomForTheNext) {
  asio::cancellation_signal signal;
  Spawn("a", 60);
  Spawn("b", 100, &signal);
  Spawn("c", 40);
  EXPECT_EQ(log_, (std::vector<std::string>{"a"}));
  asio::post(loop_, [&] { signal.emit(asio::cancellation_type::terminal); });
  Run();
  EXPECT_EQ(log_.size(), 3u);
  EXPECT_EQ(std::count(log_.begin(), log_.end(), "b cancelled"), 1);
  EXPECT_EQ(std::count(log_.begin(), log_.end(), "c"), 1);
}

}  // namespace
}  // namespace registry::gateway
