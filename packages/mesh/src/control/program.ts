/**
 * Our control plane as a process of its own, so that its processor time and memory are its own. Arguments: the port for commands, the
 * port for xDS, the port of the server behind all services. `PUT /services/N` makes it have N services, and answers when they are sent.
 */
import { createServer } from 'node:http'
import { LOOPBACK } from '../processes/ports.js'
import { serviceResources } from './services.js'
import { ControlPlane } from './xds.js'

const [commands, xds, server] = process.argv.slice(2).map(Number)
const control = await ControlPlane.start(xds)

createServer((request, response) => {
  const count = /^\/services\/(\d{1,6})$/.exec(request.url ?? '')?.[1]
  if (request.method !== 'PUT' || count === undefined) {
    response.writeHead(404).end()
    return
  }
  control.setAll('proxy', serviceResources(Number(count), server))
  response.writeHead(204).end()
}).listen({ host: LOOPBACK, port: commands })
