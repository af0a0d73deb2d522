// Boost.JSON, compiled into the fuzz target instead of Debian's library: only code compiled
// here tells libFuzzer which branches an input reached, and the address sanitizer what it touched.

#define BOOST_JSON_SOURCE
#include <boost/json/src.hpp>
