// SPDX-License-Identifier: GPL-2.0-only
/*
 * json POINTER... <FILE: print what stands there in each of the documents, on a line of its own; "-" is what is not there.
 * "#POINTER" is how many elements or members there are. Fails if the input is not JSON from its beginning to its end.
 */
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count(struct json_object *object)
{
	if (json_object_is_type(object, json_type_array))
		return (int)json_object_array_length(object);
	if (json_object_is_type(object, json_type_object))
		return json_object_object_length(object);
	return 0;
}

static void print(struct json_object *document, const char *pointer, char end)
{
	struct json_object *found = NULL;
	int counts = *pointer == '#';

	if (json_pointer_get(document, pointer + counts, &found))
		printf("-%c", end);
	else if (counts)
		printf("%d%c", count(found), end);
	else
		printf("%s%c", found ? json_object_get_string(found) : "null", end);
}

static void print_all(struct json_object *document, char **pointers)
{
	for (; *pointers; pointers++)
		print(document, *pointers, pointers[1] ? ' ' : '\n');
}

/* All of standard input. */
static char *input(size_t *len)
{
	char *text = NULL;
	size_t size = 0, n;

	*len = 0;
	do {
		size += 65536;
		text = realloc(text, size + 1);
		n = fread(text + *len, 1, size - *len, stdin);
		*len += n;
	} while (n);
	text[*len] = '\0';
	return text;
}

int main(int argc, char **argv)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *document;
	size_t len, at = 0;
	char *text = input(&len);

	if (argc < 2)
		return 2;
	for (at = strspn(text, "\n "); at < len; at += strspn(text + at, "\n ")) {
		json_tokener_reset(tokener);
		document = json_tokener_parse_ex(tokener, text + at, (int)(len - at));
		if (json_tokener_get_error(tokener) != json_tokener_success) {
			fprintf(stderr, "json: no JSON at byte %zu: %.40s\n", at, text + at);
			return 1;
		}
		at += json_tokener_get_parse_end(tokener);
		print_all(document, argv + 1);
		json_object_put(document);
	}
	return 0;
}
