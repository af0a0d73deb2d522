#include "base/http/header_memory.h"

namespace registry::http {

HeaderMemory::Account::Account(HeaderMemory& memory, std::function<void()> cut_off)
    : memory_(memory), cut_off_(std::move(cut_off)) {}

HeaderMemory::Account::~Account() {
  EndReading();
  memory_.bytes_ -= bytes_;
}

void HeaderMemory::Account::BeginReading() {
  if (reading_) return;
  reading_ = true;
  position_ = memory_.reading_.insert(memory_.reading_.end(), this);
}

void HeaderMemory::Account::EndReading() {
  if (!reading_) return;
  reading_ = false;
  memory_.reading_.erase(position_);
}

bool HeaderMemory::Account::Hold(size_t bytes) {
  if (is_cut_off_) return false;
  memory_.bytes_ += bytes - bytes_;
  bytes_ = bytes;
  while (memory_.bytes_ > memory_.max_bytes_ && !memory_.reading_.empty()) {
    Account& slowest = *memory_.reading_.front();
    slowest.EndReading();
    // The connection frees this as soon as it resumes, before other connections can hold more.
    memory_.bytes_ -= std::exchange(slowest.bytes_, 0);
    slowest.is_cut_off_ = true;
    ++memory_.cut_off_count_;
    if (&slowest != this) slowest.cut_off_();
  }
  return !is_cut_off_ && memory_.bytes_ <= memory_.max_bytes_;
}

}  // namespace registry::http
