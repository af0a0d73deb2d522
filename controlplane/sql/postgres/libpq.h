// PostgreSQL's client library, loaded when it is needed first: it brings LDAP, Kerberos and their
// libraries, which would take 3 MB of memory from everybody who uses SQLite.
//
//   if (absl::Status status = LoadLibpq(); !status.ok()) return status;
//   libpq().PQfinish(connection);
#ifndef REGISTRY_CONTROLPLANE_SQL_POSTGRES_LIBPQ_H_
#define REGISTRY_CONTROLPLANE_SQL_POSTGRES_LIBPQ_H_

#include <libpq-fe.h>

#include "absl/status/status.h"

// The functions that this program calls.
// clang-format off
#define REGISTRY_LIBPQ_FUNCTIONS(F) \
  F(PQclear) F(PQcmdStatus) F(PQcmdTuples) F(PQconnectdbParams) F(PQconninfoFree) \
  F(PQconninfoParse) F(PQconsumeInput) F(PQerrorMessage) F(PQfinish) F(PQflush) \
  F(PQfreemem) F(PQftype) F(PQgetResult) F(PQgetisnull) F(PQgetlength) F(PQgetvalue) \
  F(PQisBusy) F(PQnfields) F(PQntuples) F(PQparameterStatus) F(PQresultErrorField) \
  F(PQresultStatus) F(PQsendPrepare) F(PQsendQuery) F(PQsendQueryPrepared) \
  F(PQsetNoticeProcessor) F(PQsetSingleRowMode) F(PQsetnonblocking) F(PQsocket) F(PQstatus) \
  F(PQtransactionStatus)
// clang-format on

namespace registry::controlplane {

struct Libpq {
#define REGISTRY_DECLARE(function) decltype(&::function) function = nullptr;
  REGISTRY_LIBPQ_FUNCTIONS(REGISTRY_DECLARE)
#undef REGISTRY_DECLARE
};

// Thread-safe. Error: FAILED_PRECONDITION if the library is not installed.
absl::Status LoadLibpq();

// After LoadLibpq. Thread-safe.
const Libpq& libpq();

}  // namespace registry::controlplane

#endif  // REGISTRY_CONTROLPLANE_SQL_POSTGRES_LIBPQ_H_
