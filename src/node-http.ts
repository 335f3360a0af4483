/**
 * node:http as it is required, not imported: an import reads every export of it, and some of them make Node load its own
 * fetch and WebSocket, 12 MiB of resident memory at the start of each process (measured, Node 26). Types may be imported.
 */
export const http = process.getBuiltinModule('node:http')
