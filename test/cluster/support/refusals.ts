/** How a real API server words a refusal. */

/**
 * What schema and decoding refuse, the API server says in words of its own, which name the field; what a rule refuses, it
 * says in the rule's words.
 */
const serversOwn =
  /in body (must|should)|Required value|Unsupported value|Duplicate value|strict decoding error/

/** What a refusal of a bad sample must say: the field in any case, and the sample's words where a rule refuses. */
export function expectedWords(
  sample: { field: string; messages: readonly string[] },
  said: string,
): string[] {
  return serversOwn.test(said) ? [sample.field] : [sample.field, ...sample.messages]
}
