#!/usr/bin/env node
// The one entry of every program. Plain JavaScript that an old Node can read: when the running Node is too old for the
// product, it hands over to the Node that the package brings along (optional dependencies named node-<os>-<cpu>).
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { entry } from './entry.js'
import { isCurrent, runBundledNode } from './node.js'

if (isCurrent(process.versions.node)) {
  // By the namespace, since old Nodes know no such export and would refuse to link a named import.
  nodeModule.enableCompileCache?.()
  await import(entry())
} else {
  runBundledNode([fileURLToPath(import.meta.url), ...process.argv.slice(2)])
}
