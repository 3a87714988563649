#include "core/call_site.h"

namespace plait {

CallSite (*current_call_site)() noexcept = nullptr;
std::string (*describe_call_site)(CallSite) = nullptr;
std::vector<CallSite> (*current_call_stack)() = nullptr;
std::string (*describe_call_stack)(const std::vector<CallSite>&) = nullptr;

}  // namespace plait
