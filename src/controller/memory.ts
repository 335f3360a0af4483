/** Results that are the same for the same text, and that take longer than all else in a look: parsing and validation. */
import type { LogstashLink } from '../api/link.ts'
import { keyOf } from '../api/objects.ts'
import { readCertificates } from '../discovery/certificates.ts'
import { specProblemsOf } from '../verdict/accepted.ts'
import { createSecretReader, type SecretReader } from './observe-secrets.ts'

export interface Memory {
  secrets: SecretReader
  certificates: typeof readCertificates
  specProblems: (link: LogstashLink) => readonly string[]
  forget(link: string): void
}

/** Bundles are mostly the same few: links of a namespace share an issuer. */
const maxBundles = 512

export function createMemory(): Memory {
  const bundles = new Map<string, ReturnType<typeof readCertificates>>()
  const specs = new Map<string, { version: string; problems: readonly string[] }>()
  return {
    secrets: createSecretReader(),
    certificates(text) {
      const known = bundles.get(text)
      if (known !== undefined) return known
      const read = readCertificates(text)
      const [oldest] = bundles.keys()
      if (bundles.size >= maxBundles && oldest !== undefined) bundles.delete(oldest)
      bundles.set(text, read)
      return read
    },
    specProblems(link) {
      const { uid, generation } = link.metadata
      if (uid === undefined || generation === undefined) return specProblemsOf(link)
      const version = `${uid} ${generation}`
      const known = specs.get(keyOf(link))
      if (known?.version === version) return known.problems
      const problems = specProblemsOf(link)
      specs.set(keyOf(link), { version, problems })
      return problems
    },
    forget: (link) => void specs.delete(link),
  }
}
