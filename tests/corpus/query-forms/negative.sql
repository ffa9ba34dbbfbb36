SELECT mode, DP_SHARE() FROM mode_share WHERE week = '2026-W40'
GROUP BY mode IN ('walk','bike') BOUND trips <= -1 COST rho = 0.01 MIN USERS 50