import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { MARK, type ServiceManager } from './manager.ts';
import { STOP_TIMEOUT_S, type ServicePlan } from './plan.ts';
import { runStep, runTool } from './run-tool.ts';

/** Files in these folders are hidden from a service with `PrivateTmp`. */
const TEMPORARY = /^\/(?:var\/)?tmp\//;
/** Users whose services start with the machine have a file here. */
const LINGERING = '/var/lib/systemd/linger';

/** The systemd of this user (`systemctl --user`). */
export const systemd: ServiceManager = {
  label: 'systemd',
  isTested: true,
  file: (plan) => join(configFolder(), 'systemd/user', unitOf(plan)),
  text: async (plan) => unitText(plan, await hasNamespaces()),
  inFile: specifiersEscaped,
  async enable(plan) {
    await runStep('systemctl', ['--user', 'daemon-reload']);
    await runStep('systemctl', ['--user', 'enable', '--quiet', unitOf(plan)]);
  },
  async restart(plan) {
    // A service that failed too often is not started again before.
    await runTool('systemctl', ['--user', 'reset-failed', unitOf(plan)]);
    await runStep('systemctl', ['--user', 'restart', unitOf(plan)]);
  },
  async disable(plan) {
    await runStep('systemctl', ['--user', 'disable', '--now', '--quiet', unitOf(plan)]);
  },
  async forget() {
    await runStep('systemctl', ['--user', 'daemon-reload']);
  },
  async state(plan) {
    const names = ['ActiveState', 'SubState', 'MainPID', 'UnitFileState'];
    const { isDone, stdout } = await runTool('systemctl', ['--user', 'show', unitOf(plan), `-p${names.join(',')}`]);
    if (!isDone) return undefined;
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
    const [active, pid] = [value('ActiveState'), Number(value('MainPID'))];
    return {
      isRunning: active === 'active',
      text: `${active} (${value('SubState')})`,
      isEnabled: value('UnitFileState') === 'enabled',
      ...(pid > 0 && { pid }),
    };
  },
  startCommand: (plan) => `systemctl --user start ${unitOf(plan)}`,
  advice() {
    const { username } = userInfo();
    if (existsSync(join(LINGERING, username))) return undefined;
    return 'It runs while you are logged in. To run it from the start of the machine: loginctl enable-linger';
  },
};

function unitOf({ name }: ServicePlan): string {
  return `${name}.service`;
}

function configFolder(): string {
  const folder = process.env['XDG_CONFIG_HOME'];
  return folder !== undefined && isAbsolute(folder) ? folder : join(homedir(), '.config');
}

/**
 * Settings that need namespaces, which not every system lets its users make. With one of them the service of a user does not
 * start there, or starts without it, by the version of systemd.
 */
const NAMESPACE_SETTINGS = [
  'PrivateUsers=yes',
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'ProtectProc=invisible',
  'ProtectControlGroups=yes',
  'ProtectKernelModules=yes',
  'ProtectHostname=yes',
  'CapabilityBoundingSet=',
];

/** True if a service of this user may have these settings. They are tried with a service that does nothing. */
async function hasNamespaces(): Promise<boolean> {
  const settings = [...NAMESPACE_SETTINGS, 'PrivateTmp=yes'].map((setting) => `--property=${setting}`);
  return (await runTool('systemd-run', ['--user', '--wait', '--collect', '--quiet', ...settings, '/bin/true'])).isDone;
}

/**
 * The unit, hardened as far as a user's systemd and Node allow. V8 needs memory that it may write and execute, and engines need
 * the GPUs in /dev. `hasOwnNamespaces`: what lies outside the node's folders is read-only.
 */
export function unitText(plan: ServicePlan, hasOwnNamespaces: boolean): string {
  const { name, command, environment, log } = plan;
  return `# ${MARK}
[Unit]
Description=Shoal node (${name})
Documentation=man:systemd.exec(5)
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=exec
ExecStart=${command.map((text) => quoted(text).replaceAll('$', '$$$$')).join(' ')}
${Object.entries(environment)
  .map(([variable, value]) => `Environment=${quoted(`${variable}=${value}`)}\n`)
  .join('')}# The same file as that of "shoal start": "shoal logs" shows it.
StandardOutput=append:${specifiersEscaped(log)}
StandardError=inherit
Restart=on-failure
RestartSec=5
# SIGTERM goes to the node alone, because the processes of its models complete running answers.
KillMode=mixed
TimeoutStopSec=${STOP_TIMEOUT_S}

UMask=0077
NoNewPrivileges=yes
${hasOwnNamespaces ? namespaceText(plan) : '# No namespaces: this system does not let its users make them.'}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`;
}

function namespaceText({ writable, command }: ServicePlan): string {
  const isTemporary = [...writable, ...command].some((path) => TEMPORARY.test(path));
  return [
    ...NAMESPACE_SETTINGS,
    `PrivateTmp=${isTemporary ? 'no' : 'yes'}`,
    `ReadWritePaths=${writable.map((path) => quoted(`-${path}`)).join(' ')}`,
  ].join('\n');
}

/** A word as systemd reads it (systemd.syntax(7)). */
function quoted(text: string): string {
  return `"${specifiersEscaped(text.replaceAll(/["\\]/g, '\\$&'))}"`;
}

function specifiersEscaped(text: string): string {
  return text.replaceAll('%', '%%');
}
