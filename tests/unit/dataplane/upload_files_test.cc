#include "dataplane/upload_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "files_fixture.h"
#include "oci/error.h"

namespace registry::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class UploadFilesTest : public FilesFixture {
 protected:
  void ExpectStat(const Incarnation& incarnation, int64_t size_bytes, bool finished) {
    absl::StatusOr<StoredSize> stored = uploads_->Stat(incarnation, std::nullopt);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->size_bytes, size_bytes);
    EXPECT_EQ(stored->finished, finished);
  }
};

TEST_F(UploadFilesTest, BytesWrittenInPartsAreFinishedAsOneFile) {
  const Incarnation incarnation = NewIncarnation();
  EXPECT_EQ(*Write(incarnation, 0, "foo"), 3);
  ExpectStat(incarnation, 3, false);
  EXPECT_EQ(*Write(incarnation, 3, "bar"), 6);
  EXPECT_EQ(*Finish(incarnation, DigestOf("foobar")), 6);
  ExpectStat(incarnation, 6, true);
  EXPECT_EQ(Content(incarnation, DigestOf("foobar")), "foobar");
  EXPECT_FALSE(std::filesystem::exists(temp_.path() + "/" + incarnation.UploadPath()));
}

TEST_F(UploadFilesTest, AWrongOffsetChangesNothingAndNamesBothNumbers) {
  const Incarnation incarnation = NewIncarnation();
  absl::Status status = Write(incarnation, 5, "x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(absl::IsNotFound(uploads_->Stat(incarnation, std::nullopt).status()));

  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  for (const int64_t offset : {0, 2, 4, -1}) {
    status = Write(incarnation, offset, "x").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kBlobUploadInvalid);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("offset 3"), HasSubstr(absl::StrCat("not at ", offset))));
    ExpectStat(incarnation, 3, false);
  }
  EXPECT_TRUE(Finish(incarnation, DigestOf("foo")).ok());
}

TEST_F(UploadFilesTest, TheOffsetSurvivesARestartAndTheBytesAreReadAgain) {
  const Incarnation incarnation = NewIncarnation();
  const std::string bytes = TestBytes(1'000'000);
  ASSERT_TRUE(Write(incarnation, 0, absl::string_view(bytes).substr(0, 700'000)).ok());
  Restart();
  ExpectStat(incarnation, 700'000, false);
  ASSERT_TRUE(Write(incarnation, 700'000, absl::string_view(bytes).substr(700'000)).ok());
  EXPECT_EQ(*Finish(incarnation, DigestOf(bytes)), 1'000'000);
  EXPECT_EQ(Content(incarnation, DigestOf(bytes)), bytes);
}

TEST_F(UploadFilesTest, AHashStateThatWasDroppedCostsTimeOnly) {
  Restart(/*max_hash_states=*/1);
  const Incarnation a = NewIncarnation();
  const Incarnation b = NewIncarnation();
  ASSERT_TRUE(Write(a, 0, "foo").ok());
  ASSERT_TRUE(Write(b, 0, "bar").ok());
  EXPECT_TRUE(Finish(a, DigestOf("foo")).ok());
  EXPECT_TRUE(Finish(b, DigestOf("bar")).ok());
}

TEST_F(UploadFilesTest, AnAlgorithmFirstNamedAtTheEndWorks) {
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  const oci::Digest digest = DigestOf("foo", oci::DigestAlgorithm::kSha512);
  EXPECT_TRUE(Finish(incarnation, digest).ok());
  EXPECT_EQ(Content(incarnation, digest), "foo");
}

TEST_F(UploadFilesTest, FinishingAgainSucceedsAndWithAnotherDigestNot) {
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo")), 3);
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo")), 3);
  Restart();
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo")), 3);
  for (const oci::Digest& other :
       {DigestOf("bar"), DigestOf(""), DigestOf("foo", oci::DigestAlgorithm::kSha512)}) {
    absl::Status status = Finish(incarnation, other).status();
    EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kDigestInvalid) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(DigestOf("foo").ToString()), HasSubstr(other.ToString())));
  }
  EXPECT_EQ(Content(incarnation, DigestOf("foo")), "foo");
}

TEST_F(UploadFilesTest, AWrongDigestKeepsTheUploadAsItWas) {
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  absl::Status status = Finish(incarnation, DigestOf("bar")).status();
  EXPECT_EQ(oci::CodeOf(status), oci::ErrorCode::kDigestInvalid);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(DigestOf("foo").ToString()), HasSubstr(DigestOf("bar").ToString())));
  ExpectStat(incarnation, 3, false);
  ASSERT_TRUE(Write(incarnation, 3, "bar").ok());
  EXPECT_TRUE(Finish(incarnation, DigestOf("foobar")).ok());
}

TEST_F(UploadFilesTest, NoBytesAreTheEmptyBlob) {
  for (const auto algorithm : {oci::DigestAlgorithm::kSha256, oci::DigestAlgorithm::kSha512}) {
    const Incarnation never_written = NewIncarnation();
    EXPECT_EQ(*Finish(never_written, DigestOf("", algorithm)), 0);
    EXPECT_EQ(Content(never_written, DigestOf("", algorithm)), "");
    ExpectStat(never_written, 0, true);

    const Incarnation begun = NewIncarnation();
    EXPECT_EQ(*Write(begun, 0, ""), 0);
    EXPECT_EQ(*Finish(begun, DigestOf("", algorithm)), 0);
  }
  const Incarnation incarnation = NewIncarnation();
  EXPECT_EQ(oci::CodeOf(Finish(incarnation, DigestOf("foo")).status()),
            oci::ErrorCode::kDigestInvalid);
  EXPECT_TRUE(absl::IsNotFound(uploads_->Stat(incarnation, std::nullopt).status()));
}

TEST_F(UploadFilesTest, AFinishedUploadTakesNoMoreBytes) {
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  ASSERT_TRUE(Finish(incarnation, DigestOf("foo")).ok());
  for (const int64_t offset : {0, 3}) {
    EXPECT_EQ(Write(incarnation, offset, "x").status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
  ExpectStat(incarnation, 3, true);
}

TEST_F(UploadFilesTest, ANewerWriteCutsTheOlderOneAlsoWhenItsOffsetIsWrong) {
  const Incarnation incarnation = NewIncarnation();
  absl::Status cut;
  std::shared_ptr<UploadWriter> older = *Begin(incarnation, 0, &cut);
  ASSERT_TRUE(uploads_->Append(*older, "foo").ok());
  EXPECT_EQ(Begin(incarnation, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(cut, absl::AbortedError("a newer request continues this upload"));
  EXPECT_EQ(uploads_->Append(*older, "late"), cut);
  EXPECT_EQ(uploads_->EndWrite(*older).status(), cut);
  ExpectStat(incarnation, 3, false);

  std::shared_ptr<UploadWriter> newer = *Begin(incarnation, 3);
  older.reset();  // Must not take the newer one with it.
  ASSERT_TRUE(uploads_->Append(*newer, "bar").ok());
  EXPECT_EQ(*uploads_->EndWrite(*newer), 6);
  EXPECT_TRUE(Finish(incarnation, DigestOf("foobar")).ok());
}

TEST_F(UploadFilesTest, FinishAndDeleteCutAnOpenWrite) {
  const Incarnation a = NewIncarnation();
  absl::Status cut;
  std::shared_ptr<UploadWriter> writer = *Begin(a, 0, &cut);
  ASSERT_TRUE(uploads_->Append(*writer, "foo").ok());
  ASSERT_TRUE(Finish(a, DigestOf("foo")).ok());
  EXPECT_EQ(cut.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(uploads_->Append(*writer, "late").code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Content(a, DigestOf("foo")), "foo");

  const Incarnation b = NewIncarnation();
  cut = absl::OkStatus();
  writer = *Begin(b, 0, &cut);
  ASSERT_TRUE(uploads_->Append(*writer, "foo").ok());
  ASSERT_TRUE(uploads_->Delete(b, std::nullopt).ok());
  EXPECT_EQ(cut, absl::AbortedError("the upload was deleted"));
  EXPECT_EQ(uploads_->Append(*writer, "late").code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(absl::IsNotFound(uploads_->Stat(b, std::nullopt).status()));
}

TEST_F(UploadFilesTest, AWriterThatIsLetGoOfKeepsItsBytes) {
  const Incarnation incarnation = NewIncarnation();
  absl::Status cut;
  ASSERT_TRUE(uploads_->Append(**Begin(incarnation, 0, &cut), "foo").ok());
  ASSERT_TRUE(Write(incarnation, 3, "bar").ok());
  EXPECT_TRUE(cut.ok());
  EXPECT_TRUE(Finish(incarnation, DigestOf("foobar")).ok());
}

TEST_F(UploadFilesTest, DeletingIsRepeatableWhateverIsStored) {
  const Incarnation unfinished = NewIncarnation();
  ASSERT_TRUE(Write(unfinished, 0, "foo").ok());
  const Incarnation finished = NewIncarnation();
  ASSERT_TRUE(Write(finished, 0, "foo").ok());
  ASSERT_TRUE(Finish(finished, DigestOf("foo")).ok());
  for (const Incarnation& incarnation : {unfinished, finished, NewIncarnation()}) {
    EXPECT_TRUE(uploads_->Delete(incarnation, DigestOf("foo")).ok());
    EXPECT_TRUE(uploads_->Delete(incarnation, std::nullopt).ok());
    EXPECT_TRUE(absl::IsNotFound(uploads_->Stat(incarnation, std::nullopt).status()));
  }
}

TEST_F(UploadFilesTest, ReadingAgainStopsWhenCancelledAndTheUploadStays) {
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  Restart();
  absl::Status status =
      uploads_->Finish(incarnation, DigestOf("foo"), [] { return true; }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Finish(incarnation, DigestOf("foo")).ok());
}

TEST_F(UploadFilesTest, AFailedFlushOfBytesRefusesAllWritesButNoReads) {
  std::atomic<bool> fail = false;
  options_.flush_file = [&](int) {
    errno = EIO;
    return fail ? -1 : 0;
  };
  Restart();
  const Incarnation before = NewIncarnation();
  ASSERT_TRUE(Write(before, 0, "foo").ok());
  ASSERT_TRUE(Finish(before, DigestOf("foo")).ok());
  const Incarnation open = NewIncarnation();
  std::shared_ptr<UploadWriter> writer = *Begin(open, 0);

  fail = true;
  const Incarnation failed = NewIncarnation();
  ASSERT_TRUE(Write(failed, 0, "bar").ok());
  absl::Status status = Finish(failed, DigestOf("bar")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("accepts no writes"));
  fail = false;

  EXPECT_EQ(uploads_->Append(*writer, "x"), status);
  EXPECT_EQ(Begin(NewIncarnation(), 0).status(), status);
  EXPECT_EQ(Finish(failed, DigestOf("bar")).status(), status);
  EXPECT_EQ(Finish(before, DigestOf("foo")).status(), status);
  EXPECT_EQ(Content(before, DigestOf("foo")), "foo");
  EXPECT_TRUE(uploads_->Stat(open, std::nullopt).ok());
  EXPECT_TRUE(uploads_->Delete(open, std::nullopt).ok());

  // After a restart, data whose flush failed must not count as good.
  Restart();
  EXPECT_EQ(oci::CodeOf(Finish(failed, DigestOf("bar")).status()), oci::ErrorCode::kDigestInvalid);
}

TEST_F(UploadFilesTest, AFailedFlushOfAFolderIsNoSuccessAndARestartMakesItOne) {
  std::atomic<bool> fail = false;
  options_.flush_folder = [&](int) {
    errno = EIO;
    return fail ? -1 : 0;
  };
  Restart();
  const Incarnation incarnation = NewIncarnation();
  ASSERT_TRUE(Write(incarnation, 0, "foo").ok());
  fail = true;
  EXPECT_EQ(Finish(incarnation, DigestOf("foo")).status().code(), absl::StatusCode::kUnavailable);
  fail = false;
  EXPECT_EQ(Finish(incarnation, DigestOf("foo")).status().code(), absl::StatusCode::kUnavailable);
  Restart();
  EXPECT_EQ(*Finish(incarnation, DigestOf("foo")), 3);
}

}  // namespace
}  // namespace registry::dataplane
