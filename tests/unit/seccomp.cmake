if(TARGET berth_seccomp)
  berth_unit_tests(daemon/seccomp berth_seccomp)
endif()
