/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_SIGNER_H
#define WARREN_CLI_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct wr_signer - whose key signed something: what its certificate is known by
 * @issuer: who issued the certificate, a Name in DER
 * @issuer_len: its bytes
 * @serial: the number that they gave it, an INTEGER in DER
 * @serial_len: its bytes
 * @name: the issuer's common name, to be shown; mostly they issued it to themselves
 */
struct wr_signer {
	uint8_t issuer[512];
	size_t issuer_len;
	uint8_t serial[64];
	size_t serial_len;
	char name[64];
};

/* What a file says about who signed it. */
enum wr_signature {
	WR_SIGNATURE_NONE,
	WR_SIGNATURE_UNCLEAR,	/* there is one, but the signer's certificate is not named as expected */
	WR_SIGNATURE_CLEAR,
};

/**
 * wr_signer_of_module() - who signed a module of the kernel's, that is not compressed
 * @fd: the module
 * @signer: filled in if it is clear
 *
 * Return: what there is.
 */
enum wr_signature wr_signer_of_module(int fd, struct wr_signer *signer);

/**
 * wr_signer_of_certificate() - whom a certificate belongs to
 * @der: an X.509 certificate
 * @len: its bytes
 * @signer: filled in
 *
 * Return: false if that is no certificate.
 */
bool wr_signer_of_certificate(const void *der, size_t len, struct wr_signer *signer);

/**
 * wr_signer_is() - whether two signers are the same
 * @one: a signer
 * @other: a signer
 *
 * Return: whether they are.
 */
bool wr_signer_is(const struct wr_signer *one, const struct wr_signer *other);

/**
 * wr_signer_in() - whether a signer's certificate is in a list of firmware's
 * @signer: the signer
 * @list: signature lists, as a UEFI variable has them, without the variable's attributes
 * @len: their bytes
 *
 * Return: whether it is.
 */
bool wr_signer_in(const struct wr_signer *signer, const void *list, size_t len);

#endif
