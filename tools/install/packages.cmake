# SPDX-License-Identifier: Apache-2.0
# Read by cpack when it packs, with the version that it was given: what Debian is told of each package.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SOURCE portmatrix)
set(version ${CPACK_PACKAGE_VERSION}-1)
set(about "A port matrix says who may open which port to whom, per host and interface.
XDP and TC programs enforce it on the perimeter devices, count each packet
under the rule or reason that decided it, and go on when the agent is killed,
upgraded or stopped.
")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME portmatrix)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
# What the command loads by itself when it needs it, so that no tool sees it (tools/CMakeLists.txt).
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "libpcap0.8, libxml2")
set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS "portmatrixd, portmatrix-doc, prometheus")
set(CPACK_COMPONENT_COMMAND_DESCRIPTION "perimeter firewall in the kernel: the command
${about}
This package holds the command, which checks, shows, simulates and applies
policies and reads counters; policies; alert rules and a dashboard for
Prometheus.")

set(CPACK_DEBIAN_AGENT_PACKAGE_NAME portmatrixd)
set(CPACK_DEBIAN_AGENT_PACKAGE_SECTION net)
set(CPACK_DEBIAN_AGENT_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_AGENT_PACKAGE_DEPENDS "portmatrix (= ${version}), systemd")
set(CPACK_DEBIAN_AGENT_PACKAGE_RECOMMENDS "iproute2")
set(CPACK_DEBIAN_AGENT_PACKAGE_SUGGESTS "portmatrix-doc")
set(CPACK_DEBIAN_AGENT_PACKAGE_CONTROL_EXTRA
  "${CPACK_PORTMATRIX_INSTALL_FOLDER}/debian/postinst;${CPACK_PORTMATRIX_INSTALL_FOLDER}/debian/prerm;${CPACK_PORTMATRIX_INSTALL_FOLDER}/debian/postrm;${CPACK_PORTMATRIX_INSTALL_FOLDER}/debian/conffiles")
set(CPACK_COMPONENT_AGENT_DESCRIPTION "perimeter firewall in the kernel: the agent
${about}
This package holds the agent, which loads the programs and changes policies
in one instant, and its service, which starts before the network.")

set(CPACK_DEBIAN_DOC_PACKAGE_NAME portmatrix-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_SECTION doc)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_COMPONENT_DOC_DESCRIPTION "perimeter firewall in the kernel: documentation
${about}
This package holds the pages of its source tree: policy language, diagnostics,
order of decisions, agent and API.")
