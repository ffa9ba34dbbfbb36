SELECT mode, DP_MEAN() FROM mode_share WHERE week = '2026-W40'
GROUP BY mode IN ('walk','bike') BOUND trips <= 100 COST rho = 0.01 MIN USERS 50