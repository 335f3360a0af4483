#!/usr/bin/env node
// The one entry of every program. Plain JavaScript that an old Node can read: when the running Node is too old for the
// product, it hands over to the Node that the package brings along (optional dependencies named node-<os>-<cpu>).
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isCurrent, runBundledNode } from './node.js'

if (isCurrent(process.versions.node)) {
  enableCompileCache?.()
  // A checkout runs its sources (Node strips the types); a package and the image hold only what tsc made of them.
  const source = new URL('../src/cli/main.ts', import.meta.url)
  const built = new URL('../dist/cli/main.js', import.meta.url)
  await import(existsSync(source) ? source.href : built.href)
} else {
  runBundledNode([fileURLToPath(import.meta.url), ...process.argv.slice(2)])
}
