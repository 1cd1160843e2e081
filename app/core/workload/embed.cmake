# cmake -DOUT=FILE -DDIR=resources/workloads -P embed.cmake: the workload texts as a C++ source.
set(source "// Made by embed.cmake.\n#include <string_view>\nnamespace pitwall::app {\n")
foreach(name Chat Documents Code)
  string(TOLOWER ${name} file)
  file(READ ${DIR}/${file}.json text)
  string(APPEND source "extern const std::string_view kEmbedded${name};\nconst std::string_view kEmbedded${name} = R\"PITWALL(${text})PITWALL\";\n")
endforeach()
string(APPEND source "}  // namespace pitwall::app\n")
file(WRITE ${OUT} "${source}")
