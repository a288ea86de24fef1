# embed_files(OUTPUT file...) writes OUTPUT with one EMBED("name", "text") row per file, and a target named after it.
function(embed_files output)
	get_filename_component(target ${output} NAME_WE)
	add_custom_command(OUTPUT ${output}
		COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DFILES=${ARGN}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_script.cmake
		DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed_script.cmake
		VERBATIM)
	add_custom_target(${target} DEPENDS ${output})
endfunction()
