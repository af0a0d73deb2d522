#include "gateway/api/dispatcher.h"

#include <chrono>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/client_address.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/retry_delay.h"
#include "base/utf8.h"
#include "gateway/access/credential.h"
#include "gateway/api/error_response.h"
#include "oci/error.h"
#include "oci/name.h"

namespace registry::gateway {
namespace {

// The last column of the table in route.cc, in the order of Operation.
struct Row {
  Operation operation;
  http::Awaitable<absl::Status> (*handler)(Context);
};
constexpr Row kHandlers[] = {
    {Operation::kGetHealth, GetHealth},
    {Operation::kGetReadiness, GetReadiness},
    {Operation::kGetToken, GetToken},
    {Operation::kPostToken, PostToken},
    {Operation::kGetVersion, GetVersion},
    {Operation::kListRepositories, ListRepositories},
    {Operation::kListTags, ListTags},
    {Operation::kListReferrers, ListReferrers},
    {Operation::kGetManifest, GetManifest},
    {Operation::kPutManifest, PutManifest},
    {Operation::kDeleteManifest, DeleteManifest},
    {Operation::kPostUpload, PostUpload},
    {Operation::kGetUpload, GetUpload},
    {Operation::kPatchUpload, PatchUpload},
    {Operation::kPutUpload, PutUpload},
    {Operation::kDeleteUpload, DeleteUpload},
    {Operation::kGetBlob, GetBlob},
    {Operation::kDeleteBlob, DeleteBlob},
};
constexpr bool HandlersAreInOrder() {
  for (size_t i = 0; i < std::size(kHandlers); ++i) {
    if (static_cast<size_t>(kHandlers[i].operation) != i) return false;
  }
  return std::size(kHandlers) == kOperations;
}
static_assert(HandlersAreInOrder());

http::Awaitable<absl::Status> CallHandler(const Context& context) {
  return kHandlers[static_cast<size_t>(context.endpoint.operation)].handler(context);
}

// Adds the headers that all responses of this registry have, and keeps large responses within the
// budget for responses, because clients may read them slowly. What it only passes on takes no frame
// of its own.
class AnnotatedExchange final : public http::Exchange {
 public:
  AnnotatedExchange(http::Exchange& inner, std::string request_id, MemoryBudget& budget)
      : inner_(inner), request_id_(std::move(request_id)), budget_(budget) {}

  const http::Request& request() const override { return inner_.request(); }
  http::Awaitable<absl::StatusOr<std::string>> ReadBody(size_t max_bytes) override {
    return inner_.ReadBody(max_bytes);
  }
  http::Awaitable<absl::Status> Send(http::Response response) override {
    const size_t bytes = request().method() == "HEAD" ? 0 : response.body.size();
    const MemoryBudget::Share share(budget_, bytes > base::kSmallAnswerBytes ? bytes : 0);
    if (!share.granted()) {
      co_return absl::UnavailableError("too many manifests and lists are being read; try again");
    }
    Annotate(response.head);
    co_return co_await inner_.Send(std::move(response));
  }
  http::Awaitable<absl::Status> SendHead(http::ResponseHead head) override {
    Annotate(head);
    return inner_.SendHead(std::move(head));
  }
  http::Awaitable<absl::Status> SendBody(absl::string_view bytes) override {
    return inner_.SendBody(bytes);
  }
  http::Awaitable<absl::Status> SendFile(int descriptor, int64_t offset, int64_t length) override {
    return inner_.SendFile(descriptor, offset, length);
  }
  int status_sent() const override { return inner_.status_sent(); }
  uint64_t body_bytes_sent() const override { return inner_.body_bytes_sent(); }

 private:
  void Annotate(http::ResponseHead& head) {
    const absl::string_view path = request().path;
    if (path == "/v2" || absl::StartsWith(path, "/v2/")) {
      head.Set("Docker-Distribution-Api-Version", "registry/2.0");
    }
    head.Set("X-Request-Id", request_id_);
  }

  http::Exchange& inner_;
  const std::string request_id_;
  MemoryBudget& budget_;
};

// Returns true if the parts that handlers pass on to other planes as text are UTF-8.
bool IsText(const http::Request& request) {
  const auto decodes = [](absl::string_view part, bool query) {
    const std::optional<std::string> decoded = http::PercentDecode(part, query);
    return decoded.has_value() && base::IsUtf8Text(*decoded);
  };
  return decodes(request.path, false) && decodes(request.query, true) &&
         base::IsUtf8Text(request.Header("Content-Type"));
}

http::Response RefusedMethod(const http::Request& request, const Route& route) {
  const std::string methods = AllowedMethods(route);
  http::Response refusal = ErrorResponse(
      oci::MakeError(oci::ErrorCode::kUnsupported,
                     absl::StrCat("method ", base::Quote(request.method()), " is not supported by ",
                                  route.pattern, "; supported: ", methods)),
      route);
  refusal.head.Set("Allow", methods);
  return refusal;
}

absl::Status TooManyRequests(absl::string_view of_whom, std::chrono::seconds wait) {
  return base::WithRetryDelay(oci::MakeError(oci::ErrorCode::kTooManyRequests,
                                             absl::StrCat("too many requests ", of_whom,
                                                          "; try again in ", wait.count(), " s")),
                              wait);
}

// The name of a resource or verb as in roles: "PUT" for VERB_PUT.
absl::string_view NameOf(absl::string_view enumerator) {
  return enumerator.substr(enumerator.find('_') + 1);
}

// The reason's content as fields, for programs.
ErrorDetail DetailOf(const AccessAnswer& answer, const std::vector<v1::Action>& actions) {
  ErrorDetail detail;
  if (!answer.principal.empty()) detail.emplace_back("principal", answer.principal);
  const size_t refused = answer.refused_action.value_or(actions.size());
  if (refused >= actions.size()) return detail;
  const v1::Action& action = actions[refused];
  detail.emplace_back("resource",
                      absl::AsciiStrToLower(NameOf(v1::Resource_Name(action.resource()))));
  detail.emplace_back("verb", NameOf(v1::Verb_Name(action.verb())));
  if (!action.tag().empty()) detail.emplace_back("tag", action.tag());
  return detail;
}

// The tags that the query sets.
std::vector<std::string> QueryTags(const Context& context) {
  if (context.endpoint.about != About::kTags) return {};
  return context.request().QueryParameters("tag");
}

absl::Status CheckTags(const Context& context) {
  const std::vector<std::string> tags = QueryTags(context);
  if (tags.size() > base::kMaxTagParameters) {
    return oci::MakeError(oci::ErrorCode::kTooManyTags,
                          absl::StrCat("the request names ", tags.size(), " tags; at most ",
                                       base::kMaxTagParameters, " are accepted"));
  }
  for (const std::string& tag : tags) {
    if (absl::Status status = oci::Tag::Parse(tag).status(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The actions of the request. Made on demand and not kept, because many tags make the list large.
std::vector<v1::Action> ActionsOf(const Context& context) {
  return RequiredActions(context.endpoint, context.route, QueryTags(context));
}

// Those, and the optional ones.
std::vector<v1::Action> WantedActions(const Context& context) {
  std::vector<v1::Action> actions = ActionsOf(context);
  if (context.endpoint.about != About::kMountSource) return actions;
  const std::optional<std::string> from = context.request().QueryParameter("from");
  if (from && oci::RepositoryName::Parse(*from).ok()) actions.push_back(ReadMountSource(*from));
  return actions;
}

http::Response RefusedAccess(const Context& context, const AccessAnswer& answer) {
  const std::vector<v1::Action> actions = WantedActions(context);
  const bool forbidden = answer.decision == AccessDecision::kDenied;
  http::Response refusal = ErrorResponse(
      oci::MakeError(forbidden ? oci::ErrorCode::kDenied : oci::ErrorCode::kUnauthorized,
                     answer.reason),
      context.route, DetailOf(answer, actions));
  if (!forbidden) {
    refusal.head.Set("WWW-Authenticate", Challenge(context.request(), actions, answer.decision));
  }
  return refusal;
}

}  // namespace

Dispatcher::Dispatcher(Planes& planes, const RequestLimits& limits)
    : planes_(planes),
      client_rate_({.per_second = limits.max_requests_per_client}),
      user_rate_({.per_second = limits.max_requests_per_user}),
      process_id_(absl::BytesToHexString(base::RandomBytes(4))) {}

std::string Dispatcher::NextRequestId() {
  return absl::StrCat(process_id_, "-", next_request_.fetch_add(1, std::memory_order_relaxed));
}

http::Awaitable<void> Dispatcher::Handle(http::Exchange& exchange) {
  const auto start = std::chrono::steady_clock::now();
  const std::string request_id = NextRequestId();
  AnnotatedExchange annotated(exchange, request_id, planes_.answer_budget);
  LogEntry entry;
  const absl::Status status = co_await Dispatch(annotated, entry);
  if (!status.ok()) {
    entry.error = std::string(status.message());
    if (exchange.status_sent() == 0) {
      // Fails only if the connection is lost; the log then shows status 0.
      (void)co_await annotated.Send(ErrorResponse(status, entry.route));
    }
  }
  const std::chrono::duration<double, std::milli> duration =
      std::chrono::steady_clock::now() - start;
  const http::Request& request = exchange.request();
  base::LogInfo("request", {{"method", request.method()},
                            {"route", entry.route.pattern},
                            {"repository", entry.route.repository},
                            {"reference", entry.route.reference},
                            {"status", exchange.status_sent()},
                            {"bytes", exchange.body_bytes_sent()},
                            {"duration_ms", duration.count()},
                            {"principal", entry.principal},
                            {"client", request.client_address},
                            {"user_agent", request.Header("User-Agent")},
                            {"request_id", request_id},
                            {"error", entry.error}});
}

http::Awaitable<absl::Status> Dispatcher::Dispatch(http::Exchange& exchange, LogEntry& entry) {
  const http::Request& request = exchange.request();
  if (!IsText(request)) {
    co_return oci::MakeError(
        oci::ErrorCode::kQueryInvalid,
        "the request's target or Content-Type is not UTF-8 text, or the target has an invalid "
        "percent-encoding: expected % and two hex digits");
  }
  absl::StatusOr<Route> route = ParseRoute(request.path);
  if (!route.ok()) co_return route.status();
  entry.route = *std::move(route);
  if (entry.route.pattern.empty()) {
    co_return oci::MakeError(oci::ErrorCode::kRouteUnknown,
                             absl::StrCat("no such path: ", base::Quote(request.path)));
  }
  const Endpoint* endpoint = FindEndpoint(entry.route, request.method());
  if (endpoint == nullptr) {
    co_return co_await exchange.Send(RefusedMethod(request, entry.route));
  }
  v1::Credential credential;
  const Context context{planes_, exchange, *endpoint, entry.route, credential, entry.principal};
  if (endpoint->check == Check::kNothing) co_return co_await CallHandler(context);

  if (const auto wait = client_rate_.Refusal(base::AddressGroup(request.client_address))) {
    co_return TooManyRequests(absl::StrCat("from ", request.client_address), *wait);
  }
  absl::StatusOr<v1::Credential> parsed = ParseCredential(request);
  if (parsed.ok()) credential = *std::move(parsed);
  if (endpoint->check == Check::kCredential) {
    if (parsed.ok()) co_return co_await CallHandler(context);
    co_return co_await RefuseToken(exchange, entry.route, parsed.status());
  }

  if (absl::Status status = CheckTags(context); !status.ok()) co_return status;
  if (!parsed.ok()) {
    const AccessAnswer invalid{.decision = AccessDecision::kCredentialInvalid,
                               .reason = std::string(parsed.status().message())};
    co_return co_await exchange.Send(RefusedAccess(context, invalid));
  }
  co_return co_await DispatchAllowed(context, entry);
}

http::Awaitable<absl::Status> Dispatcher::DispatchAllowed(Context context, LogEntry& entry) {
  const auto actions = [&] { return ActionsOf(context); };
  absl::StatusOr<AccessAnswer> answer = co_await planes_.access.Authorize(
      context.credential, actions, context.request().client_address);
  if (!answer.ok()) co_return answer.status();
  entry.principal = answer->principal;
  if (!entry.principal.empty()) {
    if (const auto wait = user_rate_.Refusal(entry.principal)) {
      co_return TooManyRequests(absl::StrCat("of ", entry.principal), *wait);
    }
  }
  if (answer->decision != AccessDecision::kAllowed) {
    entry.error = answer->reason;
    co_return co_await context.exchange.Send(RefusedAccess(context, *answer));
  }
  absl::Status status = co_await CallHandler(context);
  // The policy has changed meanwhile, and the control plane refuses the request by the new one.
  const std::optional<oci::ErrorCode> code = oci::CodeOf(status);
  const bool denied = code == oci::ErrorCode::kDenied;
  if ((denied || code == oci::ErrorCode::kUnauthorized) && context.exchange.status_sent() == 0) {
    entry.error = std::string(status.message());
    answer->decision = denied ? AccessDecision::kDenied : AccessDecision::kCredentialRequired;
    answer->reason = entry.error;
    co_return co_await context.exchange.Send(RefusedAccess(context, *answer));
  }
  co_return status;
}

}  // namespace registry::gateway
