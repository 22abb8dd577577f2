/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_DUMP_H
#define WARREN_CLI_DUMP_H

#include <stdio.h>

#include "memory.h"
#include "vcpu.h"

/**
 * wr_dump_vcpu() - print the registers of a vCPU and the code that it was at
 * @out: where to
 * @vcpu: not running
 * @mem: guest memory, for the code
 */
void wr_dump_vcpu(FILE *out, const struct wr_vcpu *vcpu, const struct wr_memory *mem);

#endif
