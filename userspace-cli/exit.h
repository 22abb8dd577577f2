/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_EXIT_H
#define WARREN_CLI_EXIT_H

#include "vcpu.h"

/**
 * wr_exit_handle() - do what the vCPU's last exit asks for; its own thread
 * @vcpu: KVM_RUN has just returned 0
 */
void wr_exit_handle(struct wr_vcpu *vcpu);

#endif
