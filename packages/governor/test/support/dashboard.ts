import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
/** The files that the package ships for Grafana and Prometheus. */
export const DASHBOARD = require.resolve('@threadmap/governor/dashboard.json')
export const ALERTS = require.resolve('@threadmap/governor/alerts.yml')

export interface Panel {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly type: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly { readonly expr: string; readonly refId: string }[]
}

export interface Dashboard {
  readonly title: string
  readonly uid: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

export const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard

/** The queries of all panels, with Grafana's variables as Grafana would fill them in. */
export function queries(): { readonly panel: string; readonly expression: string }[] {
  return dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expression: expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(job|instance)/g, '.*'),
    })),
  )
}
