# The program that checks and measures a device library without Node. It brings the CPU's kernels along, as what to compare with.
find_package(OpenMP COMPONENTS CXX)
set(NATIVE "${CMAKE_CURRENT_SOURCE_DIR}/..")
file(GLOB CHECK_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/standalone/*.cc")
file(GLOB CPU_SOURCES CONFIGURE_DEPENDS "${NATIVE}/*_kernels.cc" "${NATIVE}/neuron_scan*.cc")
add_executable(spikeship_device_check ${CHECK_SOURCES} ${CPU_SOURCES}
  "${NATIVE}/isa.cc" "${NATIVE}/arguments.cc" "${NATIVE}/neuron_refusal.cc")
# Beside the CUDA library it is built when asked for by name.
set_target_properties(spikeship_device_check PROPERTIES EXCLUDE_FROM_ALL $<NOT:$<BOOL:${SPIKESHIP_EMULATED}>>)
target_compile_definitions(spikeship_device_check PRIVATE SPIKESHIP_ISA_NAMESPACE=baseline)
target_compile_options(spikeship_device_check PRIVATE -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Wno-unknown-pragmas)
target_link_libraries(spikeship_device_check PRIVATE ${CMAKE_DL_LIBS})
if(OpenMP_CXX_FOUND)
  target_link_libraries(spikeship_device_check PRIVATE OpenMP::OpenMP_CXX)
endif()
