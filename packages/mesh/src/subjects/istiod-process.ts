/** Istiod as a process that reads its resources from a folder, and the Envoys that ask it for their configuration. */
import { join } from 'node:path'
import { LOOPBACK } from '../processes/ports.js'
import { cluster, HTTP2_ONLY, speaking } from './envoy.js'

/** Istiod reads files again after a pause, and checks all of its configuration first. */
export const ISTIOD_PATIENCE_MS = 60_000
/** The folder of the resources, and the file with what holds for the whole mesh, in the folder of an istiod. */
export const RESOURCES = 'config'
export const MESH_FILE = 'mesh.yaml'

/** What only Istio's build of Envoy has is switched off; so is its authority, since its agent does not run. */
const ENVIRONMENT = {
  PILOT_ENABLE_METADATA_EXCHANGE: 'false',
  PILOT_ENABLE_ALPN_FILTER: 'false',
  ENABLE_CA_SERVER: 'false',
  POD_NAMESPACE: 'istio-system',
}

/** How istiod is started on what is in the folder, to serve configuration at a port. */
export function discovery(folder: string, port: number): { readonly args: string[]; readonly env: typeof ENVIRONMENT } {
  const args = [
    'discovery',
    '--registries=',
    `--configDir=${join(folder, RESOURCES)}`,
    `--meshConfig=${join(folder, MESH_FILE)}`,
    `--grpcAddr=${LOOPBACK}:${port}`,
    // Ports that nobody needs: the kernel chooses them, on the loopback interface.
    `--httpAddr=${LOOPBACK}:0`,
    `--monitoringAddr=${LOOPBACK}:0`,
    '--secureGRPCAddr=',
    '--httpsAddr=',
    '--ctrlz_port=0',
    '--log_output_level=default:error',
  ]
  return { args, env: ENVIRONMENT }
}

/** A resource of Istio's, by the group of its kind: `networking` or `security`. */
export function resource(group: string, kind: string, name: string, spec: object): object {
  return { apiVersion: `${group}.istio.io/v1`, kind, metadata: { name, namespace: 'default' }, spec }
}

/** Istio's name of a sidecar: kind, address, workload and domain. */
export function nodeId(workload: string, address: string): string {
  return `sidecar~${address}~${workload}.default~default.svc.cluster.local`
}

/** An Envoy's own configuration, by which it asks istiod at a port for everything else. */
export function bootstrap(workload: string, address: string, port: number, more: readonly object[] = []): object {
  const ads = { resource_api_version: 'V3', ads: {} }
  const service = { envoy_grpc: { cluster_name: 'xds-grpc' } }
  return {
    node: {
      id: nodeId(workload, address),
      cluster: `${workload}.default`,
      metadata: {
        NAMESPACE: 'default',
        CLUSTER_ID: 'Kubernetes',
        SERVICE_ACCOUNT: workload,
        WORKLOAD_NAME: workload,
        INTERCEPTION_MODE: 'NONE',
        INSTANCE_IPS: address,
        LABELS: { app: workload },
      },
    },
    layered_runtime: {
      layers: [{ name: 'limits', static_layer: { 'overload.global_downstream_max_connections': 50_000 } }],
    },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [service] },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: { clusters: [speaking(cluster('xds-grpc', port), HTTP2_ONLY), ...more] },
  }
}
