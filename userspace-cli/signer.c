// SPDX-License-Identifier: GPL-2.0-only
/* Who signed a module of the kernel's, and whether firmware's lists have their certificate. */
#include <ctype.h>
#include <endian.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer.h"

/* What the kernel's sign-file ends a module with, after the signature and struct module_signature. */
static const char mark[] = "~Module signature appended~\n";
#define MARK_LEN (sizeof(mark) - 1)

struct module_signature {
	uint8_t algorithm;
	uint8_t hash;
	uint8_t type;
	uint8_t signer_len;
	uint8_t key_len;
	uint8_t pad[3];
	uint32_t len;		/* of the signature, big-endian */
};

#define TYPE_PKCS7 2

/* More than any signature has that comes without certificates. */
#define MOST 16384

enum der_tag {
	DER_INTEGER = 0x02,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0,
	DER_CONTEXT_1 = 0xa1,
};

struct bytes {
	const uint8_t *at;
	size_t len;
};

static void skip(struct bytes *in, size_t len)
{
	in->at += len;
	in->len -= len;
}

/*
 * Takes the next element off @in if it is a @tag. Its contents go to @value, all of it to @whole; each may be NULL.
 * A caller who ignores what is returned passes over an optional one.
 */
static bool take(struct bytes *in, uint8_t tag, struct bytes *value, struct bytes *whole)
{
	size_t head = 2, len;

	if (in->len < 2 || in->at[0] != tag)
		return false;
	len = in->at[1];
	if (len & 0x80) {
		head += len & 0x7f;
		if (head == 2 || head > 6 || in->len < head)
			return false;
		len = 0;
		for (size_t i = 2; i < head; i++)
			len = len << 8 | in->at[i];
	}
	if (len > in->len - head)
		return false;
	if (value)
		*value = (struct bytes){ in->at + head, len };
	if (whole)
		*whole = (struct bytes){ in->at, head + len };
	skip(in, head + len);
	return true;
}

static bool equal(struct bytes bytes, const void *other, size_t len)
{
	return bytes.len == len && !memcmp(bytes.at, other, len);
}

/* The common name of a Name: a SEQUENCE of SETs of attributes. */
static void show_name(struct bytes name, char *text, size_t size)
{
	static const uint8_t common_name[] = { 0x55, 0x04, 0x03 };
	struct bytes parts, part, attribute, type, value = { NULL, 0 };

	if (!take(&name, DER_SEQUENCE, &parts, NULL))
		parts.len = 0;
	while (take(&parts, DER_SET, &part, NULL))
		if (take(&part, DER_SEQUENCE, &attribute, NULL) && take(&attribute, DER_OID, &type, NULL) &&
		    equal(type, common_name, sizeof(common_name)) && attribute.len &&
		    take(&attribute, attribute.at[0], &value, NULL))
			break;
	if (!value.len)
		value = (struct bytes){ (const uint8_t *)"somebody", 8 };
	if (value.len >= size)
		value.len = size - 1;
	for (size_t i = 0; i < value.len; i++)
		text[i] = isprint(value.at[i]) ? (char)value.at[i] : '?';
	text[value.len] = '\0';
}

static bool set_signer(struct wr_signer *signer, struct bytes issuer, struct bytes serial)
{
	if (issuer.len > sizeof(signer->issuer) || serial.len > sizeof(signer->serial))
		return false;
	memcpy(signer->issuer, issuer.at, issuer.len);
	signer->issuer_len = issuer.len;
	memcpy(signer->serial, serial.at, serial.len);
	signer->serial_len = serial.len;
	show_name(issuer, signer->name, sizeof(signer->name));
	return true;
}

/* A CMS message, its SignedData, the first SignerInfo of that, which names the certificate. */
static bool parse_pkcs7(struct bytes in, struct wr_signer *signer)
{
	struct bytes message, content, data, infos, info, id, issuer, serial;

	if (!take(&in, DER_SEQUENCE, &message, NULL) || !take(&message, DER_OID, NULL, NULL) ||
	    !take(&message, DER_CONTEXT_0, &content, NULL) || !take(&content, DER_SEQUENCE, &data, NULL) ||
	    !take(&data, DER_INTEGER, NULL, NULL) || !take(&data, DER_SET, NULL, NULL) ||
	    !take(&data, DER_SEQUENCE, NULL, NULL))
		return false;
	take(&data, DER_CONTEXT_0, NULL, NULL);
	take(&data, DER_CONTEXT_1, NULL, NULL);
	return take(&data, DER_SET, &infos, NULL) && take(&infos, DER_SEQUENCE, &info, NULL) &&
	       take(&info, DER_INTEGER, NULL, NULL) && take(&info, DER_SEQUENCE, &id, NULL) &&
	       take(&id, DER_SEQUENCE, NULL, &issuer) && take(&id, DER_INTEGER, NULL, &serial) &&
	       set_signer(signer, issuer, serial);
}

bool wr_signer_of_certificate(const void *der, size_t len, struct wr_signer *signer)
{
	struct bytes in = { der, len }, certificate, body, issuer, serial;

	if (!take(&in, DER_SEQUENCE, &certificate, NULL) || !take(&certificate, DER_SEQUENCE, &body, NULL))
		return false;
	take(&body, DER_CONTEXT_0, NULL, NULL);
	return take(&body, DER_INTEGER, NULL, &serial) && take(&body, DER_SEQUENCE, NULL, NULL) &&
	       take(&body, DER_SEQUENCE, NULL, &issuer) && set_signer(signer, issuer, serial);
}

static bool read_at(int fd, void *buf, size_t len, off_t at)
{
	return at >= 0 && pread(fd, buf, len, at) == (ssize_t)len;
}

enum wr_signature wr_signer_of_module(int fd, struct wr_signer *signer)
{
	struct module_signature info;
	char end[MARK_LEN];
	uint8_t data[MOST];
	struct stat st;
	off_t at;
	size_t len;

	if (fstat(fd, &st))
		return WR_SIGNATURE_NONE;
	at = st.st_size - (off_t)sizeof(end);
	if (!read_at(fd, end, sizeof(end), at) || memcmp(end, mark, sizeof(end)))
		return WR_SIGNATURE_NONE;
	at -= (off_t)sizeof(info);
	if (!read_at(fd, &info, sizeof(info), at) || info.type != TYPE_PKCS7)
		return WR_SIGNATURE_UNCLEAR;
	len = be32toh(info.len);
	if (len > sizeof(data) || !read_at(fd, data, len, at - (off_t)len))
		return WR_SIGNATURE_UNCLEAR;
	return parse_pkcs7((struct bytes){ data, len }, signer) ? WR_SIGNATURE_CLEAR : WR_SIGNATURE_UNCLEAR;
}

bool wr_signer_is(const struct wr_signer *one, const struct wr_signer *other)
{
	return equal((struct bytes){ one->issuer, one->issuer_len }, other->issuer, other->issuer_len) &&
	       equal((struct bytes){ one->serial, one->serial_len }, other->serial, other->serial_len);
}

/* EFI_SIGNATURE_LIST: what kind its entries are of, and how long it, its own header, and each of them are. */
struct signature_list {
	uint8_t type[16];
	uint32_t size;
	uint32_t header_size;
	uint32_t entry_size;
};

/* In front of each entry: who put it there. */
#define OWNER_LEN 16

static const uint8_t x509_type[16] = {
	0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
};

static bool list_has(const struct wr_signer *signer, struct bytes entries, size_t size)
{
	struct wr_signer other;

	for (; size > OWNER_LEN && entries.len >= size; skip(&entries, size))
		if (wr_signer_of_certificate(entries.at + OWNER_LEN, size - OWNER_LEN, &other) &&
		    wr_signer_is(signer, &other))
			return true;
	return false;
}

bool wr_signer_in(const struct wr_signer *signer, const void *list, size_t len)
{
	struct bytes rest = { list, len }, entries;
	struct signature_list head;
	size_t size, header;

	for (; rest.len >= sizeof(head); skip(&rest, size)) {
		memcpy(&head, rest.at, sizeof(head));
		size = le32toh(head.size);
		header = sizeof(head) + le32toh(head.header_size);
		if (size < header || size > rest.len)
			return false;
		entries = (struct bytes){ rest.at + header, size - header };
		if (!memcmp(head.type, x509_type, sizeof(x509_type)) && list_has(signer, entries, le32toh(head.entry_size)))
			return true;
	}
	return false;
}
