/**
 * Globs of files as the link's schema allows them: `*`, `?`, `[…]` and `{…}` stand for parts of a name, never for a `/`.
 * As in a shell, what begins with a wildcard takes no hidden name.
 */

/** One step down from a folder: a name as it stands, or all names that a test takes. */
export type Step = { name: string } | { matches: (name: string) => boolean }

/** The steps from `/` down to the files. */
export function parseGlob(absolute: string): Step[] {
  return absolute
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) =>
      /[*?[{]/.test(segment) ? { matches: matcherOf(segment) } : { name: segment },
    )
}

function matcherOf(segment: string): (name: string) => boolean {
  const expression = new RegExp(`^${translate(segment)}$`, 'su')
  const takesHidden = segment.startsWith('.')
  return (name) => (takesHidden || !name.startsWith('.')) && expression.test(name)
}

function translate(segment: string): string {
  let text = ''
  let position = 0
  while (position < segment.length) {
    const rest = segment.slice(position)
    const set = /^\[([!^]?)(\]?[^\]]*)\]/u.exec(rest)
    const choice = /^\{([^{}]*)\}/u.exec(rest)
    if (set) {
      const inside = (set[2] ?? '').replaceAll(/[\\[\]^&]/gu, '\\$&')
      // An empty set is no set, and a range that runs backwards matches nothing.
      text += isSet(inside) ? `[${set[1] === '' ? '' : '^'}${inside}]` : RegExp.escape(set[0])
      position += set[0].length
    } else if (choice) {
      text += `(?:${(choice[1] ?? '').split(',').map(translate).join('|')})`
      position += choice[0].length
    } else {
      const [character = ''] = rest
      if (character === '*') text += '.*'
      else text += character === '?' ? '.' : RegExp.escape(character)
      position += character.length
    }
  }
  return text
}

function isSet(inside: string): boolean {
  if (inside === '') return false
  try {
    return new RegExp(`[${inside}]`, 'u') instanceof RegExp
  } catch {
    return false
  }
}
