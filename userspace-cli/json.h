/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_JSON_H
#define WARREN_CLI_JSON_H

#include <json-c/json.h>

#include "guests.h"

/* The kernel's structs as JSON. All return a new object, to be put into another or to wr_json_print(). */

struct json_object *wr_json_counters(const struct wr_counters *counters);
struct json_object *wr_json_guest(const struct wr_guest *guest);
struct json_object *wr_json_vcpu(const struct wr_guest_vcpu *vcpu);
struct json_object *wr_json_event(const struct wr_event *event);

/**
 * wr_json_u64() - add a number to an object
 * @object: what it is added to
 * @key: its name
 * @value: the number
 */
void wr_json_u64(struct json_object *object, const char *key, uint64_t value);

/**
 * wr_json_text() - a string, or null for an empty one
 * @text: the string
 *
 * Return: new object.
 */
struct json_object *wr_json_text(const char *text);

/**
 * wr_json_id() - a process or thread, or null for 0
 * @id: its number
 *
 * Return: new object.
 */
struct json_object *wr_json_id(uint32_t id);

/**
 * wr_json_print() - write a document to standard output, over several lines, and free it
 * @object: what to write
 */
void wr_json_print(struct json_object *object);

/**
 * wr_json_line() - write an object as one line to standard output at once, and free it
 * @object: what to write
 */
void wr_json_line(struct json_object *object);

#endif
