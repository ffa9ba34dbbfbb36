select mode, dp_share() from mode_share where week = '2026-w40'
group by mode in ('walk','bike') bound trips <= 100 cost rho = 0.01 min users 50