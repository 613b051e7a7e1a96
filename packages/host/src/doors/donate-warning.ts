/** Logged when a Donate compute door is open to a network. */
export const DONATE_WARNING =
  'Donate compute has neither encryption nor a password (v1 has no TLS and no authentication): anyone who can reach this port ' +
  'can use it. It is meant for trusted networks, such as your own Wi-Fi; do not expose it to the internet without a VPN, ' +
  'an SSH tunnel or a gateway in front of it.';
