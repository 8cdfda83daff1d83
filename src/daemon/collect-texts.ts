/** The values of an option that may be repeated. */
export const collectTexts = (value: string, before: unknown): readonly string[] => [
  ...(Array.isArray(before) ? before.map(String) : []),
  value,
]
