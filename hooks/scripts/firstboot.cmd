@echo off
rem w7prep: what a clone does at its first boot, as SYSTEM, before the first logon.
rem Called from SetupComplete.cmd or setupmode.cmd. What to do is in the settings
rem files beside it (one "set" a line); what was done is in activation.log.

rem A 32-bit caller would see SysWOW64 as System32: go on in the real cmd.exe.
if not defined W7PREP_NATIVE if exist "%SystemRoot%\Sysnative\cmd.exe" goto :native

setlocal EnableExtensions DisableDelayedExpansion
set "here=%~dp0"
set "sys=%SystemRoot%\System32"
set "spp=%SystemRoot%\ServiceProfiles\NetworkService\AppData\Roaming\Microsoft\SoftwareProtectionPlatform"
set "vbs="%sys%\cscript.exe" //nologo //B"
for %%v in (STRATEGY ACTIVATE PACKAGE STORE PRODUCT KEY REARM_ONCE REARMED RESTART REPORT_SHARE) do set "W7_%%v="
for %%f in (settings kb971033 store key client-id) do if exist "%here%%%f.cmd" call "%here%%%f.cmd"

if exist "%here%firstboot.done" (
	call :log first-boot 0 "was done before, nothing to do"
	exit /b 0
)
call :log first-boot 0 "strategy %W7_STRATEGY%"
call :remove_kb971033
call :rebuild_store
call :install_client_key
call :install_mak
call :deposit_confirmation_id
>"%here%firstboot.done" echo done
call :rearm_once
if not defined W7_REARMED call :activate
call :restore_notification
call :schedule_rearm
call :log first-boot 0 "finished"
if exist "%here%report.cmd" call "%here%report.cmd"
if defined W7_RESTART "%sys%\shutdown.exe" /r /t 0 >nul 2>&1
exit /b 0

:native
set "W7PREP_NATIVE=1"
"%SystemRoot%\Sysnative\cmd.exe" /d /c ""%~f0""
exit /b 0

rem ------------------------------------------------------------------------
rem KB4487266, first part: the servicing stack of Windows uninstalls KB971033.
:remove_kb971033
if not defined W7_PACKAGE exit /b 0
"%sys%\dism.exe" /Online /Remove-Package /PackageName:%W7_PACKAGE% /Quiet /NoRestart >nul 2>&1 <nul
set "code=%ERRORLEVEL%"
set "text="
if "%code%"=="3010" set "text=finished by the next restart"
call :log dism-remove-package %code% "%text%"
exit /b 0

rem ------------------------------------------------------------------------
rem KB4487266, second part, in its order. Where the build already took the files out of
rem the image only the restart of the service is left to do.
:rebuild_store
if not defined W7_STORE exit /b 0
"%sys%\net.exe" stop sppuinotify /y >nul 2>&1 <nul
call :log net-stop-sppuinotify %ERRORLEVEL%
"%sys%\sc.exe" config sppuinotify start= disabled >nul 2>&1 <nul
call :log sc-config-sppuinotify-disabled %ERRORLEVEL%
"%sys%\net.exe" stop sppsvc /y >nul 2>&1 <nul
call :log net-stop-sppsvc %ERRORLEVEL%
if not "%W7_STORE%"=="first-boot" goto :start_sppsvc
call :delete "%sys%\7B296FB0-376B-497e-B012-9C450E1B7327-5P-0.C7483456-A289-439d-8115-601632D005A0"
call :delete "%sys%\7B296FB0-376B-497e-B012-9C450E1B7327-5P-1.C7483456-A289-439d-8115-601632D005A0"
call :delete "%spp%\tokens.dat"
call :delete "%spp%\cache\cache.dat"
:start_sppsvc
"%sys%\net.exe" start sppsvc >nul 2>&1 <nul
call :log net-start-sppsvc %ERRORLEVEL%
call :check_licensing
exit /b 0

rem DEL says nothing through ERRORLEVEL: look.
:delete
if not exist "%~1" (
	call :log delete 0 "not there: %~nx1"
	exit /b 0
)
del /f /q /a "%~1" >nul 2>&1
if exist "%~1" (
	call :log delete 5 "still there: %~nx1"
) else (
	call :log delete 0 "%~nx1"
)
exit /b 0

rem Did licensing come back with the edition's product? Otherwise its licence files are
rem installed again, as Microsoft describes for a damaged tokens.dat (KB2736303).
:check_licensing
%vbs% "%here%licensing.vbs" listed %W7_PRODUCT% >nul 2>&1 <nul
if "%ERRORLEVEL%"=="0" (
	call :log check-licensing 0 "the edition's product is listed"
	exit /b 0
)
call :log check-licensing %ERRORLEVEL% "the edition's product is not listed"
%vbs% "%sys%\slmgr.vbs" /rilc >nul 2>&1 <nul
call :log slmgr-rilc %ERRORLEVEL%
%vbs% "%here%licensing.vbs" listed %W7_PRODUCT% >nul 2>&1 <nul
call :log check-licensing %ERRORLEVEL%
exit /b 0

rem ------------------------------------------------------------------------
rem slmgr /ipk prints the key: its output goes nowhere.
:install_client_key
if not defined W7_KEY exit /b 0
%vbs% "%sys%\slmgr.vbs" /ipk %W7_KEY% >nul 2>&1 <nul
call :log slmgr-ipk %ERRORLEVEL%
exit /b 0

rem The MAK never appears in a command line; whatever comes of it, the file goes.
:install_mak
if not exist "%here%mak.key" exit /b 0
%vbs% "%here%licensing.vbs" install-key "%here%mak.key" >nul 2>&1 <nul
call :log install-mak %ERRORLEVEL%
call :wipe "%here%mak.key"
%vbs% "%sys%\slmgr.vbs" /cpky >nul 2>&1 <nul
call :log slmgr-cpky %ERRORLEVEL%
exit /b 0

rem What this PC was activated with before it was cloned again. The file may stay: it is good
rem for this hardware and key only, and can be used again once VAMT has installed the key.
:deposit_confirmation_id
if not exist "%here%cid.txt" exit /b 0
%vbs% "%here%licensing.vbs" deposit "%here%cid.txt" >nul 2>&1 <nul
set "code=%ERRORLEVEL%"
set "text="
if "%code%"=="0" set "text=licensed by the stored confirmation ID"
if "%code%"=="1" set "text=nothing done: the installation ID is none of those stored (hardware or key changed)"
if "%code%"=="2" set "text=nothing done: licensed already"
if "%code%"=="3" set "text=nothing done: no product key is installed"
if "%code%"=="4" set "text=deposited, but not licensed"
call :log deposit-confirmation-id %code% "%text%"
exit /b 0

rem Zeros in place first: a new file could land in other clusters.
:wipe
"%sys%\attrib.exe" -r "%~1" >nul 2>&1 <nul
"%sys%\fsutil.exe" file setzerodata offset=0 length=%~z1 "%~1" >nul 2>&1 <nul
>"%~1" echo XXXXX-XXXXX-XXXXX-XXXXX-XXXXX
del /f /q /a "%~1" >nul 2>&1
if exist "%~1" (
	call :log wipe 5 "still there: %~nx1"
) else (
	call :log wipe 0 "%~nx1"
)
exit /b 0

rem ------------------------------------------------------------------------
rem A clone whose client ID is that of the image: one rearm gives it one of its own, from the
rem next start on. Windows then activates by itself. A setup pass must not be cut short by a
rem restart; without one (an unsealed clone) the restart follows at once.
:rearm_once
if not defined W7_REARM_ONCE exit /b 0
%vbs% "%sys%\slmgr.vbs" /rearm >nul 2>&1 <nul
set "code=%ERRORLEVEL%"
set "text="
if "%code%"=="0" (
	set "W7_REARMED=1"
	if "%W7_REARM_ONCE%"=="restart" (set "W7_RESTART=1") else set "text=in effect from the next start on"
)
call :log slmgr-rearm %code% "%text%"
exit /b 0

rem slmgr's status is 0 for some failures too: LicenseStatus says whether it worked.
:activate
if not "%W7_ACTIVATE%"=="1" exit /b 0
%vbs% "%sys%\slmgr.vbs" /ato >nul 2>&1 <nul
set "code=%ERRORLEVEL%"
%vbs% "%here%licensing.vbs" licensed >nul 2>&1 <nul
if "%ERRORLEVEL%"=="0" (
	call :log slmgr-ato 0 "licensed"
	exit /b 0
)
set "text=not licensed yet"
rem 0xC004F074, 0xC004F038, 0x8007232B, 0x8007251D, 0x80072EE7
for %%c in (-1073418124 -1073418184 -2147015893 -2147015395 -2147012889) do (
	if "%code%"=="%%c" if "%W7_STRATEGY%"=="kms" set "text=no KMS activation yet, Windows tries again every two hours"
)
call :log slmgr-ato %code% "%text%"
exit /b 0

rem KB4487266 ends with this, and it is done whatever happened before.
:restore_notification
if not defined W7_STORE exit /b 0
"%sys%\sc.exe" config sppuinotify start= demand >nul 2>&1 <nul
call :log sc-config-sppuinotify-demand %ERRORLEVEL%
exit /b 0

rem Strategy none: see rearm.cmd.
:schedule_rearm
if not exist "%here%rearm.xml" exit /b 0
"%sys%\schtasks.exe" /Create /TN "w7prep rearm" /XML "%here%rearm.xml" /F >nul 2>&1 <nul
call :log schtasks-create-rearm %ERRORLEVEL%
exit /b 0

rem ------------------------------------------------------------------------
rem STEP CODE ["TEXT"]: one line in activation.log
:log
%vbs% "%here%log.vbs" "%here%activation.log" %1 %2 "%~3" >nul 2>&1 <nul
exit /b 0
