berth_unit_tests(api berth_api)
target_compile_definitions(unit_api PRIVATE
  BERTH_API_REFERENCE="${PROJECT_SOURCE_DIR}/tests/support/reference/api-v1.50.json")
