// A program that was built with a header newer than the library it finds: said once, before anything else is called.

#include <qmagface.h>

#undef QMF_ABI_VERSION
#define QMF_ABI_VERSION 4000000000u

#include "client.hpp"

using namespace qmagface;

int main() {
    const char *part = "4000000000";
    refused(Status::incompatible_library, part, [] { return Engine::open("sface"); });
    refused(Status::incompatible_library, part, [] { return Engine::from_memory(Bytes()); });
    refused(Status::incompatible_library, part, [] { return Template::parse(Bytes()); });
    refused(Status::incompatible_library, part, [] { return Template::unseal(Bytes(), Bytes()); });
    refused(Status::incompatible_library, part, [] { return Calibration::create({0.3, 0.1}); });
    refused(Status::incompatible_library, part, [] { return Calibration::load("none"); });
    refused(Status::incompatible_library, part, [] { return Calibration::parse(Bytes()); });
    CHECK(live_engines() == 0);
    std::puts("the newer header says so");
    return 0;
}
