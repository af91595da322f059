@echo off
rem w7prep: started once from SYSTEM\Setup, because an unsealed clone has no setup pass
rem that would call SetupComplete.cmd. Takes itself out before anything else.
"%SystemRoot%\System32\reg.exe" add HKLM\SYSTEM\Setup /v SetupType /t REG_DWORD /d 0 /f >nul 2>&1 <nul
"%SystemRoot%\System32\reg.exe" add HKLM\SYSTEM\Setup /v CmdLine /t REG_SZ /d "" /f >nul 2>&1 <nul
call "%~dp0firstboot.cmd"
exit /b 0
